// AWS Signature Version 4: request, credentials and time in, headers out.
//
// See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

internal import Bytes
package import HTTP

/// Where and when a signature is valid.
package struct SigningScope: Sendable, Equatable {
    package let region: String
    /// As it stands in the credential scope: `logs`, `monitoring`, `sts`.
    package let service: String
    /// By the service's clock.
    package let unixSeconds: Int64

    package init(region: String, service: String, unixSeconds: Int64) {
        self.region = region
        self.service = service
        self.unixSeconds = unixSeconds
    }

    /// `20150830T123600Z`
    var dateTime: [UInt8] {
        let time = CivilTime(unixSeconds: unixSeconds)
        var text = date
        text.append(UInt8(ascii: "T"))
        text.append(padded: time.hour, width: 2)
        text.append(padded: time.minute, width: 2)
        text.append(padded: time.second, width: 2)
        text.append(UInt8(ascii: "Z"))
        return text
    }

    /// `20150830`
    var date: [UInt8] {
        let time = CivilTime(unixSeconds: unixSeconds)
        var text: [UInt8] = []
        text.append(padded: time.year, width: 4)
        text.append(padded: time.month, width: 2)
        text.append(padded: time.day, width: 2)
        return text
    }

    /// `20150830/us-east-1/logs/aws4_request`
    var text: [UInt8] { date + Array("/\(region)/\(service)/aws4_request".utf8) }
}

/// Signs one request after another, for one thread at a time; keeps the key that is derived for a day, a region and a
/// service.
package struct RequestSigner {
    /// One for the service and one for STS.
    private static let keyLimit = 4

    private struct DerivedKey {
        let scope: [UInt8]
        let secret: String
        let key: [UInt8]
    }

    private let digest: Digest
    private var keys: [DerivedKey] = []

    /// - Throws: `AWSError` of kind `unusable` when libcrypto is missing, with the package to install.
    package init() throws(AWSError) { digest = try Digest() }

    /// Adds `X-Amz-Date`, `X-Amz-Security-Token` where there is one, and `Authorization` to the headers of a request
    /// that is otherwise complete. The host is taken from the address, as libcurl sends it.
    package mutating func sign(
        _ request: inout HTTPRequest, as credentials: Credentials, in scope: SigningScope,
        _ options: SigningOptions = SigningOptions()
    ) {
        let bodyHash = hexadecimal(digest.sha256(request.body))
        let canonical = prepare(&request, as: credentials, in: scope, bodyHash: bodyHash, options)
        let signature = signature(of: stringToSign(canonical, in: scope), as: credentials, in: scope)
        var authorization: [UInt8] = []
        authorization.append("AWS4-HMAC-SHA256 Credential=")
        authorization.append(text: credentials.accessKeyID)
        authorization.append(UInt8(ascii: "/"))
        authorization.append(contentsOf: scope.text)
        authorization.append(", SignedHeaders=")
        authorization.append(text: canonical.signedHeaders)
        authorization.append(", Signature=")
        authorization.append(contentsOf: signature)
        request.headers.append(("Authorization", text(authorization)))
        if let token = credentials.sessionToken, !options.signsSessionToken {
            request.headers.append(("X-Amz-Security-Token", token))
        }
    }

    /// Adds the headers that are signed, and answers what is.
    package func prepare(
        _ request: inout HTTPRequest, as credentials: Credentials, in scope: SigningScope, bodyHash: [UInt8],
        _ options: SigningOptions = SigningOptions()
    ) -> CanonicalRequest {
        request.headers.append(("X-Amz-Date", text(scope.dateTime)))
        if let token = credentials.sessionToken, options.signsSessionToken {
            request.headers.append(("X-Amz-Security-Token", token))
        }
        if options.sendsBodyHash { request.headers.append(("X-Amz-Content-Sha256", text(bodyHash))) }
        let url = RequestURL(request.url)
        var headers = request.headers
        if !headers.contains(where: { $0.name.lowercased() == "host" }) { headers.append(("host", url.host)) }
        return CanonicalRequest(
            method: request.method, path: url.path, query: url.query, headers: headers, bodyHash: bodyHash, options)
    }

    package func stringToSign(_ canonical: CanonicalRequest, in scope: SigningScope) -> [UInt8] {
        var text: [UInt8] = []
        text.append("AWS4-HMAC-SHA256\n")
        text.append(contentsOf: scope.dateTime)
        text.append(UInt8(ascii: "\n"))
        text.append(contentsOf: scope.text)
        text.append(UInt8(ascii: "\n"))
        text.append(hexadecimal: digest.sha256(canonical.text))
        return text
    }

    package mutating func signature(
        of text: [UInt8], as credentials: Credentials, in scope: SigningScope
    ) -> [UInt8] {
        hexadecimal(digest.hmac(key: key(of: credentials, in: scope), text))
    }

    /// Four digests, for the first request of a day.
    private mutating func key(of credentials: Credentials, in scope: SigningScope) -> [UInt8] {
        let scopeText = scope.text
        let secret = credentials.secretAccessKey
        if let known = keys.first(where: { $0.scope == scopeText && $0.secret == secret }) { return known.key }
        var key = Array("AWS4\(secret)".utf8)
        for part in [scope.date, Array(scope.region.utf8), Array(scope.service.utf8), Array("aws4_request".utf8)] {
            key = digest.hmac(key: key, part)
        }
        if keys.count == Self.keyLimit { keys.removeFirst() }
        keys.append(DerivedKey(scope: scopeText, secret: secret, key: key))
        return key
    }
}

extension RequestSigner: CustomReflectable {
    /// A derived key signs for a day.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The parts of an address that are signed.
struct RequestURL: Equatable {
    let scheme: String
    /// With its port, where that is not the scheme's own.
    let host: String
    let path: String
    let query: String

    init(_ url: String) {
        var rest = url.utf8[...]
        if let fragment = rest.firstIndex(of: UInt8(ascii: "#")) { rest = rest[..<fragment] }
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")), rest[colon...].starts(with: "://".utf8) {
            scheme = String(Substring(rest[..<colon])).lowercased()
            rest = rest[colon...].dropFirst(3)
        } else {
            scheme = ""
        }
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let authority = String(Substring(rest[..<end]))
        let ownPort = scheme == "https" ? ":443" : ":80"
        host = authority.hasSuffix(ownPort) ? String(authority.dropLast(ownPort.count)) : authority
        let mark = rest[end...].firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        path = String(Substring(rest[end..<mark]))
        query = String(Substring(rest[mark...].dropFirst()))
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.append(hexadecimal: bytes)
    return text
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
