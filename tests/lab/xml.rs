//! The XML of the query protocol. Invariant: a success answer is one whole `<ActionResponse>…</ActionResponse>`, nothing behind it.

const IAM: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
const SNS: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An element with markup inside.
pub fn tag(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// An element with text inside.
pub fn text(name: &str, value: &str) -> String {
    tag(name, &escape(value))
}

/// `<name><member>…</member>…</name>`.
pub fn list(name: &str, members: impl IntoIterator<Item = String>) -> String {
    tag(name, &members.into_iter().map(|m| tag("member", &m)).collect::<String>())
}

/// A whole success answer; an empty result (UpdateAccessKey, DeleteAccessKey) has no `Result` element, as at AWS.
pub fn success(service: &str, action: &str, result: &str) -> String {
    let result = if result.is_empty() { String::new() } else { tag(&format!("{action}Result"), result) };
    let namespace = namespace(service);
    format!(
        r#"<{action}Response xmlns="{namespace}">{result}<ResponseMetadata><RequestId>lab</RequestId></ResponseMetadata></{action}Response>"#
    )
}

/// A whole error answer.
pub fn failure(service: &str, status: u16, code: &str, message: &str) -> String {
    let inner = text("Type", if status >= 500 { "Receiver" } else { "Sender" }) + &text("Code", code) + &text("Message", message);
    let namespace = namespace(service);
    format!(r#"<ErrorResponse xmlns="{namespace}">{}<RequestId>lab</RequestId></ErrorResponse>"#, tag("Error", &inner))
}

fn namespace(service: &str) -> &'static str {
    match service {
        "iam" => IAM,
        "sns" => SNS,
        _ => STS,
    }
}

fn escape(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
