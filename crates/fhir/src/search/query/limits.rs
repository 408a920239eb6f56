//! How much may be asked at once. Reaching a limit is an error that names it.

/// The limits of what is read as a query. The defaults are generous to people and programs that have a reason to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Parameters of one search; each narrows it further.
    pub parameters: usize,
    /// The values of one parameter, between commas: enough for `_id=` of a whole page.
    pub values: usize,
    /// The longest text of a parameter.
    pub value_bytes: usize,
    /// The links of chains and `_has` in one parameter: `subject.general-practitioner.organization.name` has three.
    pub links: usize,
    /// `_include` and `_revinclude` in one search.
    pub includes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { parameters: 100, values: 500, value_bytes: 64 * 1024, links: 4, includes: 32 }
    }
}
