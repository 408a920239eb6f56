//! E-mail addresses, without the tag behind a plus sign, which the receiver adds himself.

/// The address in lower case, or none where it is no address or one that stands for none.
pub fn read(text: &str) -> Option<String> {
    let text = super::cut(text.trim(), super::TEXT_BYTES_MAX).to_ascii_lowercase();
    let text = text.strip_prefix("mailto:").unwrap_or(&text);
    let (local, domain) = text.split_once('@')?;
    let local = local.split('+').next().unwrap_or_default();
    const NOBODY: [&str; 12] =
        ["none", "noemail", "no-email", "no", "na", "n/a", "unknown", "test", "declined", "refused", "noreply", "x"];
    let fit = !local.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace);
    (fit && !NOBODY.contains(&local)).then(|| format!("{local}@{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, expected) in [
            (" Nora.L+clinic@Mail.Example ", Some("nora.l@mail.example")),
            ("mailto:a@b.example", Some("a@b.example")),
            ("none@none.com", None),
            ("a@b", None),
            ("a b@c.example", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
