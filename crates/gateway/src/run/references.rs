//! References between the resources of one message.

use fhir::{Node, Object};

use super::rules::{Instance, Produced, Runner};
use super::view::Scope;

impl<'a> Runner<'a> {
    /// Notes a resource of the message, so that others can refer to it.
    pub fn add_instance(&mut self, instance: Instance<'a>) {
        let at = self.instances.len();
        self.named.iter_mut().filter(|(name, _)| *name == instance.name).for_each(|(_, known)| known.push(at));
        self.instances.push(instance);
    }

    fn instances_named(&self, name: &str) -> &[usize] {
        self.named.iter().find(|(known, _)| *known == name).map_or(&[], |(_, known)| known)
    }

    pub fn references(&self, name: &str, all: bool, scope: Scope<'_>) -> Produced<'a> {
        let named = self.instances_named(name);
        if named.is_empty() {
            return Produced::Nothing;
        }
        if !all {
            return self
                .nearest_instance(name, scope)
                .map_or(Produced::Nothing, |instance| Produced::One(reference(instance)));
        }
        let mut nodes: Vec<Node<'a>> = Vec::with_capacity(named.len());
        for instance in named.iter().map(|at| &self.instances[*at]) {
            if self.reader.grouping.is_within(instance.group, scope.instance) {
                let node = reference(instance);
                if !nodes.contains(&node) {
                    nodes.push(node);
                }
            }
        }
        if nodes.is_empty() { Produced::Nothing } else { Produced::Several(nodes) }
    }

    /// The resource of this name in the nearest enclosing group; of several there, the last before this segment. Below
    /// a group only where there is one: of two specimens none is named rather than the wrong one.
    fn nearest_instance(&self, name: &str, scope: Scope<'_>) -> Option<&Instance<'a>> {
        let named = self.instances_named(name);
        let instances = || named.iter().map(|at| &self.instances[*at]);
        let grouping = &self.reader.grouping;
        let held_by = &self.spec.resources.iter().find(|use_| use_.name == name)?.held_by;
        for group in grouping.enclosing(scope.instance) {
            let here = || instances().filter(|instance| instance.group == group);
            let nearest = here().rfind(|instance| instance.segment <= scope.segment).or_else(|| here().next());
            if nearest.is_some() {
                return nearest;
            }
            // An order without a specimen has none: that of another order is not looked for.
            if group != 0 && held_by[grouping.group(group)] {
                return only(instances().filter(|instance| grouping.is_within(instance.group, group)));
            }
        }
        only(instances())
    }

    pub fn nearest(&self, name: &str, scope: Scope<'_>) -> Option<String> {
        self.nearest_instance(name, scope).map(|instance| instance.id.clone())
    }
}

/// The one that all of these are.
fn only<'i, 'a>(mut found: impl Iterator<Item = &'i Instance<'a>>) -> Option<&'i Instance<'a>>
where
    'a: 'i,
{
    let first = found.next()?;
    found.all(|other| other.id == first.id).then_some(first)
}

fn reference<'a>(instance: &Instance<'_>) -> Node<'a> {
    let mut text = String::with_capacity(instance.kind.len() + 1 + instance.id.len());
    text.push_str(instance.kind);
    text.push('/');
    text.push_str(&instance.id);
    Node::Object(Object { fields: vec![("reference", Node::text(text))] })
}
