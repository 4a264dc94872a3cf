// The text of one element, which is all that is wanted of the XML that STS answers with. See
// https://www.w3.org/TR/xml/, sections 2.4, 2.7 and 4.6.
//
//     <AssumeRoleResponse xmlns="…"><AssumeRoleResult><Credentials><AccessKeyId>…</AccessKeyId>…

internal import Bytes

/// The text of the first element called `name`, whatever its namespace; nil when there is none, or it has no end or
/// holds other elements.
package func xmlText(of name: String, in document: [UInt8]) -> String? {
    let name = Array(name.utf8)
    var index = 0
    while let start = document.firstIndex(of: UInt8(ascii: "<"), in: index..<document.count) {
        index = start + 1
        guard let end = document.firstIndex(of: UInt8(ascii: ">"), in: index..<document.count) else { return nil }
        guard elementName(document[index..<end]) == name[...] else { continue }
        index = end + 1
        // `<Name/>`
        if document[end - 1] == UInt8(ascii: "/") { return "" }
        guard let stop = document.firstIndex(of: UInt8(ascii: "<"), in: index..<document.count),
            document[(stop + 1)...].first == UInt8(ascii: "/")
        else { return nil }
        return unescaped(document[index..<stop])
    }
    return nil
}

/// Of what stands between the angle brackets, without its prefix and attributes.
private func elementName(_ tag: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let name = tag.prefix { $0 > 0x20 && $0 != UInt8(ascii: "/") }
    guard let colon = name.firstIndex(of: UInt8(ascii: ":")) else { return name }
    return name[(colon + 1)...]
}

private let entities: [(name: StaticString, byte: UInt8)] = [
    ("&amp;", UInt8(ascii: "&")), ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")),
    ("&quot;", UInt8(ascii: "\"")), ("&apos;", UInt8(ascii: "'")),
]

private func unescaped(_ text: ArraySlice<UInt8>) -> String {
    var cursor = ByteCursor(Array(text))
    var plain: [UInt8] = []
    next: while let byte = cursor.next {
        for (name, byte) in entities where cursor.skip(name) {
            plain.append(byte)
            continue next
        }
        if let scalar = numberedCharacter(&cursor) {
            plain.append(contentsOf: String(scalar).utf8)
            continue
        }
        plain.append(byte)
        _ = cursor.skip(byte: byte)
    }
    return String(decoding: plain, as: UTF8.self)
}

/// `&#10;` or `&#xA;`; nil, and the cursor stays, for anything else.
private func numberedCharacter(_ cursor: inout ByteCursor) -> Unicode.Scalar? {
    var ahead = cursor
    guard ahead.skip("&#"), let number = ahead.skip("x") ? ahead.hexadecimal() : ahead.unsigned(),
        ahead.skip(byte: UInt8(ascii: ";")), let scalar = UInt32(exactly: number).flatMap(Unicode.Scalar.init)
    else { return nil }
    cursor = ahead
    return scalar
}
