//! The resources of a Bundle, and what references in them lead to. R4 §3.1.4.1, Resolving references in Bundles.
//!
//! Only what the Bundle itself holds is found, and what is contained in the resource that refers: nothing is fetched.

use std::collections::HashMap;

use fhir::reference::{self, Literal};
use fhir::{Node, Object, Resource};

/// One resource, and what to call it in an issue.
#[derive(Debug)]
pub struct Found<'b> {
    pub object: &'b Object<'b>,
    pub path: String,
}

#[derive(Debug)]
pub struct Links<'b> {
    pub resources: Vec<Found<'b>>,
    by_name: HashMap<String, usize>,
}

impl<'b> Links<'b> {
    /// Of a Bundle its entries; of another resource itself.
    pub fn of(resource: &'b Resource<'b>) -> Links<'b> {
        let mut links = Links { resources: Vec::new(), by_name: HashMap::new() };
        if resource.kind() != "Bundle" {
            links.add(&resource.object, None);
            return links;
        }
        for entry in resource.object.items("entry").iter().filter_map(Node::as_object) {
            if let Some(Node::Object(object)) = entry.get("resource") {
                links.add(object, entry.str("fullUrl"));
            }
        }
        links
    }

    fn add(&mut self, object: &'b Object<'b>, address: Option<&str>) {
        let at = self.resources.len();
        let kind = object.str("resourceType").unwrap_or_default();
        let path = match object.str("id") {
            Some(id) => {
                self.by_name.entry(format!("{kind}/{id}")).or_insert(at);
                format!("{kind}/{id}")
            }
            None => format!("Bundle.entry[{at}].resource"),
        };
        if let Some(address) = address {
            self.by_name.entry(address.to_owned()).or_insert(at);
        }
        self.resources.push(Found { object, path });
    }

    /// The resource that a literal reference names.
    pub fn find(&self, text: &str) -> Option<usize> {
        if let Some(at) = self.by_name.get(text) {
            return Some(*at);
        }
        match reference::literal(text)? {
            Literal::Local { kind, id, .. } => self.by_name.get(&format!("{kind}/{id}")).copied(),
            _ => None,
        }
    }
}

/// What `#id` names in the resource that refers.
pub fn contained<'b>(root: &'b Object<'b>, text: &str) -> Option<&'b Object<'b>> {
    let id = text.strip_prefix('#')?;
    root.items("contained").iter().filter_map(Node::as_object).find(|object| object.str("id") == Some(id))
}
