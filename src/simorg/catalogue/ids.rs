//! Key prefixes: the first three characters of a component's id.

/// Key prefix of the ids of type `type_name`.
///
/// Source: Object Reference and Tooling API describes, where the type is an
/// object there. Others get a prefix made from the name, which begins with `0`.
#[must_use]
pub fn key_prefix(type_name: &str) -> String {
    let known = KNOWN.iter().find(|(name, _)| *name == type_name);
    if let Some((_, prefix)) = known {
        return (*prefix).to_owned();
    }
    let sum = type_name.bytes().fold(7_u32, |sum, it| {
        sum.wrapping_mul(31).wrapping_add(it.into())
    });
    let letter = |n: u32| char::from(b'A' + u8::try_from(n % 26).unwrap_or(0));
    format!("0{}{}", letter(sum), letter(sum / 26))
}

const KNOWN: &[(&str, &str)] = &[
    ("ApexClass", "01p"),
    ("ApexComponent", "099"),
    ("ApexPage", "066"),
    ("ApexTrigger", "01q"),
    ("AuraDefinitionBundle", "0Ab"),
    ("AuthProvider", "0SO"),
    ("BusinessProcess", "019"),
    ("Certificate", "0P1"),
    ("CompactLayout", "0AH"),
    ("ConnectedApp", "0H4"),
    ("CustomApplication", "02u"),
    ("CustomField", "00N"),
    ("CustomLabel", "101"),
    ("CustomMetadata", "m00"),
    ("CustomObject", "01I"),
    ("CustomPermission", "0CP"),
    ("CustomTab", "01r"),
    ("Dashboard", "01Z"),
    ("DashboardFolder", "00l"),
    ("Document", "015"),
    ("DocumentFolder", "00l"),
    ("EmailFolder", "00l"),
    ("EmailTemplate", "00X"),
    ("EmailTemplateFolder", "00l"),
    ("FieldSet", "0IX"),
    ("FlexiPage", "0M0"),
    ("Flow", "301"),
    ("FlowDefinition", "300"),
    ("GlobalValueSet", "0Nt"),
    ("Group", "00G"),
    ("InstalledPackage", "0A3"),
    ("Layout", "00h"),
    ("LightningComponentBundle", "0Rb"),
    ("ListView", "00B"),
    ("NamedCredential", "0XA"),
    ("PermissionSet", "0PS"),
    ("PermissionSetGroup", "0PG"),
    ("Profile", "00e"),
    ("Queue", "00G"),
    ("QuickAction", "09D"),
    ("RecordType", "012"),
    ("RemoteSiteSetting", "0rp"),
    ("Report", "00O"),
    ("ReportFolder", "00l"),
    ("ReportType", "070"),
    ("Role", "00E"),
    ("StaticResource", "081"),
    ("ValidationRule", "03d"),
    ("WebLink", "00b"),
    ("WorkflowAlert", "01W"),
    ("WorkflowFieldUpdate", "04Y"),
    ("WorkflowOutboundMessage", "04k"),
    ("WorkflowRule", "01Q"),
    ("WorkflowTask", "01T"),
];
