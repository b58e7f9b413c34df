//! What holds of every plan.

use proptest::prelude::*;

use super::*;

/// A random state of a small org.
fn tree() -> impl Strategy<Value = Tree> {
    let entry = prop_oneof![
        ("[A-C]", "[a-d]").prop_map(|(object, field)| (
            format!("CustomField:{object}__c.{field}__c"),
            "<CustomField><type>Text</type></CustomField>".to_owned()
        )),
        "[A-C]".prop_map(|it| (
            format!("CustomObject:{it}__c"),
            "<CustomObject/>".to_owned()
        )),
        ("[A-C]", proptest::collection::btree_set("[a-d]", 0..4)).prop_map(|(object, fields)| {
            let fields: Vec<String> = fields.iter().map(|it| format!("{it}__c")).collect();
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            (format!("Layout:{object}__c-L"), layout(&fields, "Info"))
        }),
        (
            "[PQ]",
            proptest::collection::btree_set(("[A-C]", "[a-d]"), 0..6)
        )
            .prop_map(|(name, fields)| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(o, f)| format!("{o}__c.{f}__c"))
                    .collect();
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                (
                    format!("PermissionSet:{name}"),
                    permissions("PermissionSet", &fields),
                )
            }),
        ("[A-C]", "[x-z]").prop_map(|(name, text)| (format!("ApexClass:{name}"), text)),
    ];
    proptest::collection::vec(entry, 0..14)
        .prop_map(|it| Tree(it.into_iter().map(|(of, text)| (key(&of), text)).collect()))
}

proptest! {
    #[test]
    fn each_selected_component_gets_one_verdict_and_nothing_unasked_is_deleted(
        target in tree(), now in tree(), share in 0usize..4, delete_new in any::<bool>(), sure in any::<bool>(),
    ) {
        let all: BTreeSet<String> = target.0.keys().chain(now.0.keys()).map(ToString::to_string).collect();
        let selected: Vec<&str> = all.iter().enumerate().filter(|(n, _)| n % 4 >= share).map(|(_, it)| it.as_str()).collect();
        let made = Setup { options: Options { delete_new, accept_lossy: true }, proves_absence: sure, ..setup(&target, &now) };
        let plan = made.plan(&selected);
        let keys: BTreeSet<_> = plan.items.iter().map(|it| it.key.clone()).collect();
        prop_assert_eq!(keys.len(), plan.items.len());
        for it in &selected {
            prop_assert!(keys.contains(&key(it)));
        }
        for item in &plan.items {
            let is_selected = selected.contains(&item.key.to_string().as_str());
            prop_assert_eq!(item.because_of.is_none(), is_selected, "{}", item.key);
            if item.verdict == Verdict::Delete {
                prop_assert!(is_selected && delete_new && sure);
                prop_assert!(!target.0.contains_key(&item.key));
            }
            prop_assert_eq!(item.applies, !item.files.is_empty() || !item.deletes.is_empty());
        }
        let deploy = plan_deploy(&plan, &CostModel::default(), Limits::planned(), TestLevel::Default, parent_of);
        for call in &deploy.calls {
            prop_assert!(call.package.is_disjoint(&call.post));
            let manifests = call.manifests(ApiVersion::new(66), ComponentKey::clone);
            let destructive = manifests.post.iter().chain(&manifests.pre).flat_map(|it| it.types.values().flatten());
            for member in destructive {
                prop_assert!(!member.contains('*'));
            }
        }
        let sent: Vec<_> = deploy.calls.iter().flat_map(|it| it.package.iter()).collect();
        let applied = plan.applied().filter(|it| !it.files.is_empty()).count();
        prop_assert_eq!(sent.len(), applied);
    }

    #[test]
    fn rolling_everything_back_leaves_the_org_as_it_was(target in tree(), now in tree()) {
        let all: BTreeSet<String> = target.0.keys().chain(now.0.keys()).map(ToString::to_string).collect();
        let selected: Vec<&str> = all.iter().map(String::as_str).collect();
        // Fields of objects that the tree lacks cannot be told from fields that never were.
        let made = Setup { options: ALLOW_ALL, ..setup(&target, &now) };
        let plan = made.plan(&selected);
        let mut org = now.clone();
        for item in plan.applied() {
            if !item.deletes.is_empty() {
                org.0.remove(&item.key);
            }
            for (_, content) in &item.files {
                let text = match content {
                    Content::Target => target.0[&item.key].clone(),
                    Content::Merged(_) => text_of(item),
                };
                org.0.insert(item.key.clone(), text);
            }
        }
        for (key, text) in &target.0 {
            prop_assert_eq!(org.0.get(key), Some(text), "{}", key);
        }
        for key in org.0.keys().filter(|it| !target.0.contains_key(it)) {
            prop_assert!(matches!(plan.item(key).unwrap().verdict, Verdict::Impossible | Verdict::Manual), "{}", key);
        }
    }
}
