//! `_include` and `_revinclude`: what else the answer brings (R4 §3.1.1.5.6).

use super::{Context, Query};
use crate::search::{Parameter, ParameterClass, resource_name};

/// One of them, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Include {
    pub direction: Direction,
    /// `:iterate`: of included resources too.
    pub iterate: bool,
    /// The type that refers; none: any (`*`).
    pub source: Option<&'static str>,
    /// The parameter by which it refers; none: any of its reference parameters (`*`).
    pub parameter: Option<&'static Parameter>,
    /// Only what is of this type; none: any.
    pub target: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `_include`: what a found resource refers to.
    Forward,
    /// `_revinclude`: what refers to a found resource.
    Reverse,
}

/// Reads `Observation:subject:Patient`, `Observation:*`, `*`. The error follows the parameter's name.
pub fn read(
    context: Context<'_>,
    query: &mut Query,
    direction: Direction,
    modifier: Option<&str>,
    value: &str,
) -> Result<(), String> {
    const FORM: &str = "must be Type:parameter, Type:parameter:Target, Type:* or *";
    let iterate = match modifier {
        None => false,
        Some("iterate") => true,
        Some(_) => return Err("takes no modifier but :iterate".into()),
    };
    let mut parts = value.split(':');
    let (source, code, target) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if parts.next().is_some() {
        return Err(FORM.into());
    }
    let target = match target {
        None => None,
        Some(name) => Some(resource_name(name).ok_or("names a target that is no resource type of R4")?),
    };
    let mut include = Include { direction, iterate, source: None, parameter: None, target };
    match (source, code) {
        ("*", None) => {}
        (_, None) => return Err(FORM.into()),
        (source, Some(code)) => {
            let source = resource_name(source).ok_or("names a source that is no resource type of R4")?;
            include.source = Some(source);
            include.parameter = if code == "*" { None } else { Some(parameter(context, source, code, target)?) };
        }
    }
    if !query.includes.contains(&include) {
        query.includes.push(include);
    }
    Ok(())
}

fn parameter(
    context: Context<'_>,
    source: &str,
    code: &str,
    target: Option<&str>,
) -> Result<&'static Parameter, String> {
    let found = context.registry.find(source, code).filter(|parameter| parameter.class == ParameterClass::Reference);
    let found = found.ok_or_else(|| format!("must name a reference parameter of {source}"))?;
    match target {
        Some(target) if found.targets().next().is_some() && !found.targets().any(|known| known == target) => {
            Err(format!("names {code}, which never refers to a {target}"))
        }
        _ => Ok(found),
    }
}
