//! What is done, by its name: each interaction of R4 and each operation, and what it takes.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// What FHIR's RESTful API does, by the handler that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Capabilities,
    /// The OperationDefinition of an operation of our own.
    OperationDefinition,
    SearchSystem,
    SearchSystemForm,
    Batch,
    HistorySystem,
    SearchType,
    SearchTypeForm,
    SearchCompartment,
    SearchCompartmentForm,
    Create,
    HistoryType,
    UpdateWhere,
    PatchWhere,
    DeleteWhere,
    Read,
    Update,
    Patch,
    Delete,
    HistoryInstance,
    Vread,
    /// `Patient/$everything`.
    Everything,
    /// `Patient/$match`.
    Match,
    /// `Patient/$member-match`.
    MemberMatch,
    /// `Patient/$ihe-pix`, by query and by Parameters.
    CrossReference,
    CrossReferenceForm,
    /// `Patient/$merge` and `Patient/$unmerge`.
    Merge,
    Unmerge,
    /// `Patient/$identity-explain` and `Patient/$identity-decide`.
    IdentityExplain,
    IdentityDecide,
    /// `$move` of a resource to another patient.
    Relocate,
    /// `$lastn`.
    LastN,
    /// `$meta` of a resource, of a type and of everything; `$meta-add`, `$meta-delete`.
    Meta,
    MetaType,
    MetaSystem,
    MetaAdd,
    MetaDelete,
    /// `$reindex`: the site's own search parameters put in force, and how far that is.
    Reindex,
    Reindexed,
    /// `$export` of the system, of all patients and of a Group, by query and by Parameters.
    Export,
    ExportForm,
    ExportPatients,
    ExportPatientsForm,
    ExportGroup,
    ExportGroupForm,
    /// `$import`.
    Import,
    /// `Subscription/$status` of all and of one, `$events`, `$get-ws-binding-token` of all and of one (Backport guide).
    SubscriptionStatuses,
    SubscriptionStatus,
    SubscriptionEvents,
    SocketTokens,
    SocketToken,
    /// `$validate` of what is sent, to a type or to a resource, and of what is stored.
    ValidateType,
    ValidateInstance,
    ValidateStored,
}

impl Deed {
    /// The name, by which R4 calls it where R4 has one (restful-interaction).
    pub fn name(self) -> &'static str {
        match self {
            Deed::Capabilities => "capabilities",
            Deed::OperationDefinition => "operation-definition",
            Deed::SearchSystem => "search-system",
            Deed::SearchSystemForm => "search-system-form",
            Deed::Batch => "batch",
            Deed::HistorySystem => "history-system",
            Deed::SearchType => "search-type",
            Deed::SearchTypeForm => "search-type-form",
            Deed::SearchCompartment => "search-compartment",
            Deed::SearchCompartmentForm => "search-compartment-form",
            Deed::Create => "create",
            Deed::HistoryType => "history-type",
            Deed::UpdateWhere => "update-where",
            Deed::PatchWhere => "patch-where",
            Deed::DeleteWhere => "delete-where",
            Deed::Read => "read",
            Deed::Update => "update",
            Deed::Patch => "patch",
            Deed::Delete => "delete",
            Deed::HistoryInstance => "history-instance",
            Deed::Vread => "vread",
            Deed::Everything => "everything",
            Deed::Match => "match",
            Deed::MemberMatch => "member-match",
            Deed::CrossReference => "ihe-pix",
            Deed::CrossReferenceForm => "ihe-pix-form",
            Deed::Merge => "merge",
            Deed::Unmerge => "unmerge",
            Deed::IdentityExplain => "identity-explain",
            Deed::IdentityDecide => "identity-decide",
            Deed::Relocate => "move",
            Deed::LastN => "lastn",
            Deed::Meta => "meta",
            Deed::MetaType => "meta-type",
            Deed::MetaSystem => "meta-system",
            Deed::MetaAdd => "meta-add",
            Deed::MetaDelete => "meta-delete",
            Deed::Reindex => "reindex",
            Deed::Reindexed => "reindexed",
            Deed::Export => "export",
            Deed::ExportForm => "export-form",
            Deed::ExportPatients => "patient-export",
            Deed::ExportPatientsForm => "patient-export-form",
            Deed::ExportGroup => "group-export",
            Deed::ExportGroupForm => "group-export-form",
            Deed::Import => "import",
            Deed::SubscriptionStatuses => "status-type",
            Deed::SubscriptionStatus => "status",
            Deed::SubscriptionEvents => "events",
            Deed::SocketTokens => "get-ws-binding-token-type",
            Deed::SocketToken => "get-ws-binding-token",
            Deed::ValidateType => "validate",
            Deed::ValidateInstance => "validate-instance",
            Deed::ValidateStored => "validate-stored",
        }
    }

    /// The parameters that it takes beside those that say how the answer is written; none where it reads them itself, as
    /// a search does.
    pub fn parameters(self) -> Option<&'static [&'static str]> {
        match self {
            Deed::Capabilities => Some(&["mode", "_summary", "_elements"]),
            Deed::Read | Deed::Vread | Deed::OperationDefinition => Some(&["_summary", "_elements"]),
            Deed::ValidateType | Deed::ValidateInstance | Deed::ValidateStored => Some(&["mode", "profile"]),
            Deed::Batch | Deed::Create | Deed::Update | Deed::Patch | Deed::Delete => Some(&[]),
            Deed::Meta | Deed::MetaType | Deed::MetaSystem | Deed::MetaAdd | Deed::MetaDelete => Some(&[]),
            Deed::Reindex | Deed::Reindexed => Some(&[]),
            Deed::SubscriptionStatuses => Some(&["id", "status"]),
            Deed::SubscriptionEvents => Some(&["eventsSinceNumber", "eventsUntilNumber", "content"]),
            Deed::SocketTokens => Some(&["id"]),
            Deed::SubscriptionStatus | Deed::SocketToken => Some(&["id", "status"]),
            _ => None,
        }
    }
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }
}
