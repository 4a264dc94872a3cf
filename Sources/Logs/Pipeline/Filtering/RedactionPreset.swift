// Patterns for what is often in logs and should not be. Each begins where the secret can begin and never goes back into
// it, so that a long line costs one look at each byte.

internal import Bytes

package enum RedactionPreset: String, CaseIterable, Sendable {
    case email, ipv4
    case creditCard = "credit_card"
    case awsKey = "aws_key"
    case bearer

    package var patterns: [String] {
        switch self {
        case .email:
            // RFC 5322, dot-atom@domain, with the letters of every language (RFC 6531).
            [#"(?<![^\s"<>(),:;=\[\]{}\\/|@])[^\s"<>(),:;=\[\]{}\\/|@]++@[\p{L}\p{N}-]++(?:\.[\p{L}\p{N}-]+)+"#]
        case .ipv4:
            [
                #"(?<![0-9])(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})\.){3}"#
                    + #"(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})(?![0-9])"#
            ]
        case .creditCard:
            // ISO/IEC 7812: 13 to 19 digits, in groups or not. Of such numbers, one in ten has the right check digit.
            [#"(?<![0-9])[2-6](?:[ -]?[0-9]){12,18}(?![0-9])"#]
        case .awsKey:
            // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html has the prefixes; a secret
            // key is told by its name only.
            [
                #"(?<![A-Z0-9])A(?:KIA|SIA|BIA|CCA|GPA|IDA|IPA|NPA|NVA|PKA|ROA|SCA)[A-Z0-9]{16,}"#,
                #"(?i)secret[_-]?(?:access[_-]?)?key["'\\]*\s*[:=]\s*["'\\]*\K[A-Za-z0-9/+]{40,}"#,
            ]
        case .bearer:
            // RFC 6750, section 2.1; the word stays.
            [#"(?i)\bbearer(?:\s|%20|\+)+\K[A-Za-z0-9._~+/-]+=*"#]
        }
    }

    /// A byte that stands in each match.
    package var neededByte: UInt8? { self == .email ? UInt8(ascii: "@") : nil }

    package var confirmation: Redaction.Confirmation? { self == .creditCard ? cardNumber : nil }
}

/// The longest beginning of these digits that ends where a number may end and whose check digit is right (ISO/IEC
/// 7812-1, annex B): other digits may stand behind a card's.
@Sendable private func cardNumber(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int>? {
    var end = range.upperBound
    while end > range.lowerBound {
        let isEnd = end == range.upperBound || !bytes[end].isDigit
        if isEnd, bytes[end - 1].isDigit, isCard(bytes, range.lowerBound..<end) { return range.lowerBound..<end }
        end -= 1
    }
    return nil
}

private func isCard(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    var sum = 0
    var count = 0
    for byte in bytes[range].reversed() where byte.isDigit {
        let digit = Int(byte - UInt8(ascii: "0"))
        sum += count % 2 == 0 ? digit : digit < 5 ? 2 * digit : 2 * digit - 9
        count += 1
    }
    return count >= 13 && sum % 10 == 0
}
