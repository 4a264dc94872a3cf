// The one text that a request is for who signs it and who checks the signature, however it was written.
//
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, "Create a canonical
// request":
//
//     POST                                    the method
//     /                                       the path, normalized and encoded once more
//     a=1&b=                                  the query, decoded, encoded and sorted
//     host:logs.eu-west-1.amazonaws.com       each header that is signed, by name
//     x-amz-date:20261121T023830Z
//                                             an empty line
//     host;x-amz-date                         their names again
//     e3b0c44298fc1c149afbf4c8996fb92427…     SHA-256 of the body

internal import Bytes

/// What differs between services.
package struct SigningOptions: Sendable, Equatable {
    /// S3 takes paths as they are: `//` and `/../` are names of objects there.
    package var normalizesPath = true
    /// All but S3 encode the path that goes over the wire a second time.
    package var encodesPath = true
    /// The hash of the body goes into a header of its own, which S3 and a few others want.
    package var sendsBodyHash = false
    /// A few services take the token from a header that is not signed.
    package var signsSessionToken = true

    package init() {}
}

package struct CanonicalRequest: Sendable, Equatable {
    package let text: [UInt8]
    /// `host;x-amz-date`
    package let signedHeaders: String

    /// `path` and `query` are as they go over the wire, without the question mark; `headers` are all that are sent, the
    /// host among them: those that may change on the way are left out here. `bodyHash` is in hexadecimal digits.
    package init(
        method: String, path: String, query: String, headers: [(name: String, value: String)], bodyHash: [UInt8],
        _ options: SigningOptions = SigningOptions()
    ) {
        var text = Array(method.utf8)
        text.append(UInt8(ascii: "\n"))
        text.append(contentsOf: canonicalPath(Array(path.utf8), options))
        text.append(UInt8(ascii: "\n"))
        text.append(contentsOf: canonicalQuery(Array(query.utf8)))
        text.append(UInt8(ascii: "\n"))
        let signed = canonicalHeaders(headers)
        for (name, value) in signed {
            text.append(text: name)
            text.append(UInt8(ascii: ":"))
            text.append(contentsOf: value)
            text.append(UInt8(ascii: "\n"))
        }
        signedHeaders = signed.map(\.name).joined(separator: ";")
        text.append(UInt8(ascii: "\n"))
        text.append(text: signedHeaders)
        text.append(UInt8(ascii: "\n"))
        text.append(contentsOf: bodyHash)
        self.text = text
    }
}

/// Headers that proxies and HTTP itself change on the way, and those that come in after the signature.
private let unsignedHeaders: Set<String> = [
    "authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id",
]

/// By name, with all values of a name in one; in the order in which they stand.
private func canonicalHeaders(_ headers: [(name: String, value: String)]) -> [(name: String, value: [UInt8])] {
    var merged: [(name: String, value: [UInt8])] = []
    for header in headers {
        let name = header.name.lowercased()
        guard !unsignedHeaders.contains(name) else { continue }
        let value = folded(header.value)
        if let index = merged.firstIndex(where: { $0.name == name }) {
            merged[index].value.append(UInt8(ascii: ","))
            merged[index].value.append(contentsOf: value)
        } else {
            merged.append((name, value))
        }
    }
    return merged.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
}

/// Without blanks at its ends; those within, line ends too, are one space.
private func folded(_ value: String) -> [UInt8] {
    let words = value.utf8.split { $0 == UInt8(ascii: " ") || (0x09...0x0D).contains($0) }
    return Array(words.joined(separator: [UInt8(ascii: " ")]))
}

private func canonicalPath(_ path: [UInt8], _ options: SigningOptions) -> [UInt8] {
    let path = options.normalizesPath ? normalized(path) : path.isEmpty ? [UInt8(ascii: "/")] : path
    guard options.encodesPath else { return path }
    var encoded: [UInt8] = []
    encoded.append(percentEncoded: path[...], keepingSlashes: true)
    return encoded
}

/// Without empty segments, `.`, and `..` with what it leaves; a slash at the end stays.
private func normalized(_ path: [UInt8]) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    let dot = UInt8(ascii: ".")
    var kept: [ArraySlice<UInt8>] = []
    for segment in path.split(separator: slash) where segment != [dot] {
        if segment == [dot, dot] { _ = kept.popLast() } else { kept.append(segment) }
    }
    let end: [UInt8] = path.last == slash && !kept.isEmpty ? [slash] : []
    return [slash] + kept.joined(separator: [slash]) + end
}

/// Each key and value decoded and encoded again, so that all spellings of one query are the same; sorted by bytes.
private func canonicalQuery(_ query: [UInt8]) -> [UInt8] {
    let pairs = query.split(separator: UInt8(ascii: "&")).map { part -> (key: [UInt8], value: [UInt8]) in
        let end = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
        var (key, value): ([UInt8], [UInt8]) = ([], [])
        key.append(percentEncoded: percentDecoded(part[..<end])[...], keepingSlashes: false)
        value.append(percentEncoded: percentDecoded(part[end...].dropFirst())[...], keepingSlashes: false)
        return (key, value)
    }
    let sorted = pairs.sorted {
        $0.key == $1.key
            ? $0.value.lexicographicallyPrecedes($1.value) : $0.key.lexicographicallyPrecedes($1.key)
    }
    return Array(sorted.map { $0.key + [UInt8(ascii: "=")] + $0.value }.joined(separator: [UInt8(ascii: "&")]))
}

/// What is no `%` with two digits after it stays as it is.
private func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var decoded: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), rest.count >= 2, let high = rest[rest.startIndex].hexadecimalDigit,
            let low = rest[rest.startIndex + 1].hexadecimalDigit
        {
            decoded.append(high << 4 | low)
            rest = rest.dropFirst(2)
        } else {
            decoded.append(byte)
        }
    }
    return decoded
}

extension [UInt8] {
    /// As RFC 3986, section 2.3, has it: all but letters, digits and `-._~` become `%` and two upper-case digits.
    mutating func append(percentEncoded text: ArraySlice<UInt8>, keepingSlashes: Bool = false) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                append(byte)
            case UInt8(ascii: "/") where keepingSlashes: append(byte)
            default:
                append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 15] {
                    append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                }
            }
        }
    }
}
