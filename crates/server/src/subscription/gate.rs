//! Which Subscriptions may be written. What a client says of the status is a wish: we decide when it is `active`.

use fhir::search::Context;
use fhir::{Node, Resource};
use record::{Change, Time, Write};
use sync::subscription::{Channel, Terms};

use super::send;
use crate::http::{Ask, Failure, Kind};

const KIND: &str = "Subscription";

/// The resource as it is kept: a Subscription that is understood is `requested`, or `off`.
pub fn settled(mut resource: Resource<'static>) -> Result<Resource<'static>, Failure> {
    if resource.kind() != KIND || resource.str("status") == Some("off") {
        return Ok(resource);
    }
    Terms::read(Context::default(), &resource).map_err(|issues| Failure::of(Kind::Unprocessable, issues))?;
    resource.object.set("status", Node::text("requested"));
    resource.object.remove("error");
    Ok(resource)
}

/// Whether its author may read what he wants to be told of, there is room, and we may connect to where he wants to be told.
pub async fn admit(ask: &Ask, writes: &[Write]) -> Result<(), Failure> {
    for write in writes.iter().filter(|write| write.key.kind == KIND) {
        let Change::Put(prepared) = &write.change else { continue };
        let body = prepared.shown(1, Time(0));
        let Ok(subscription) = fhir::json::read(&body) else { continue };
        if subscription.str("status") == Some("off") {
            continue;
        }
        let Ok(terms) = Terms::read(Context::default(), &subscription) else { continue };
        terms.criteria.kinds().into_iter().try_for_each(|kind| ask.may_read(kind))?;
        let (settings, hub) = (&ask.app.config.subscriptions, &ask.app.subscriptions);
        if hub.count() >= settings.max && hub.listen(&write.key.id).is_none() {
            let text = "there are as many subscriptions as [subscriptions] max permits; switch one off, or raise it";
            return Err(Failure::new(Kind::Unprocessable, text));
        }
        if let Channel::RestHook { endpoint, .. } = &terms.channel {
            reachable(ask, endpoint).await?;
        }
    }
    Ok(())
}

/// A name that is not known now may be known later; a network that is not permitted is refused, and so are we ourselves,
/// who would be told of what we are told.
async fn reachable(ask: &Ask, endpoint: &str) -> Result<(), Failure> {
    let refused = |text: &str| Err(Failure::at(Kind::Unprocessable, "Subscription.channel.endpoint", text));
    let found = send::find(&send::split(endpoint).0, &ask.app.config.subscriptions.networks).await;
    match found {
        Err(outbound::Failure::NotAllowed(_)) => refused(
            "lies outside the networks to which this server connects; its operator permits them by [subscriptions] networks",
        ),
        Err(outbound::Failure::BadAddress(why)) => refused(why),
        Ok(address) if ask.app.subscriptions.here().is_some_and(|here| address.reaches(here)) => {
            refused("is this server itself, which would tell itself of what it is told")
        }
        _ => Ok(()),
    }
}
