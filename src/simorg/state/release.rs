//! What a Salesforce release adds to components: nobody did it, and no date moves.

use std::collections::BTreeMap;

use super::{
    ComponentKey, Content, SimOrg, change::Outcome, document::insert_sorted, load::Recording,
    settle::Settled,
};
use crate::{
    model::TypeName,
    xml::{self, Element},
};

impl SimOrg {
    /// Adds an element to each component of a type, or to each element named `below` in it;
    /// in how many it came.
    pub fn add_everywhere(
        &mut self,
        type_name: &TypeName,
        below: Option<&str>,
        element: &Element,
    ) -> usize {
        let names: Vec<_> = self
            .metadata
            .of_type(type_name)
            .map(|it| it.0.clone())
            .collect();
        let mut n_changed = 0;
        for name in names {
            let key = ComponentKey::new(type_name.clone(), name);
            let Some(mut component) = self.take(&key) else {
                continue;
            };
            let stamp = component.modified.clone();
            let dates: BTreeMap<_, _> = component
                .children
                .iter()
                .map(|(key, child)| (key.clone(), child.modified.clone()))
                .collect();
            let path = component.document().map(|it| it.path.clone());
            for file in &mut component.files {
                if Some(&file.path) == path.as_ref()
                    && let Ok(mut doc) = xml::parse(&file.content)
                {
                    match below {
                        None => insert_sorted(&mut doc.root, element.clone()),
                        Some(below) => doc
                            .root
                            .elements_mut()
                            .filter(|it| it.local_name() == below)
                            .for_each(|it| insert_sorted(it, element.clone())),
                    }
                    file.content = Content::from(xml::render(&doc));
                    n_changed += 1;
                }
            }
            let settled = Settled {
                outcome: Outcome::Changed,
                recording: Recording::Silent,
            };
            self.settle(&key, component, &stamp, settled);
            if let Some(mut component) = self.take(&key) {
                for (key, child) in &mut component.children {
                    if let Some(date) = dates.get(key) {
                        child.modified.clone_from(date);
                    }
                }
                self.metadata
                    .types
                    .entry(type_name.clone())
                    .or_default()
                    .insert(key.name.clone(), component);
            }
        }
        n_changed
    }
}
