// Signatures whose values somebody else has computed: vectors of our own, made by botocore's signer, and AWS's
// published suite where it lies beside the checkout.

import AWS
import Bytes
import Foundation
import HTTP
import Settings
import TestSupport
import Testing

private struct Context: Decodable {
    struct Keys: Decodable {
        let access_key_id, secret_access_key: String
        let token: String?
    }
    let credentials: Keys
    let normalize, sign_body: Bool
    let omit_session_token: Bool?
    let region, service, timestamp: String
}

@Suite struct SigningVectorTests {
    /// The files of each case by their names: those of AWS's test suite of its C library that concern headers.
    private static func cases() throws -> [String: [String: String]] {
        let file = "\(Repository.fixtures)/sigv4/cases.json"
        return try JSONDecoder().decode([String: [String: String]].self, from: Data(contentsOf: URL(filePath: file)))
    }

    /// Computed by botocore 1.43.
    @Test func ourOwnVectors() throws {
        try expectSignature(
            HTTPRequest(
                url: "https://logs.eu-west-1.amazonaws.com/",
                headers: [
                    ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "Logs_20140328.PutLogEvents"),
                    ("Content-Encoding", "gzip"), ("User-Agent", "vitals"),
                ], body: [0x1F, 0x8B, 0x08, 0x00] + Array(" not quite gzip".utf8)),
            Credentials(
                accessKeyID: "AKIDVITALS", secretAccessKey: "kX9/vitals+secret+key+of+forty+characters",
                origin: "a test"),
            SigningScope(region: "eu-west-1", service: "logs", unixSeconds: 1_795_228_710),
            "AWS4-HMAC-SHA256 Credential=AKIDVITALS/20261121/eu-west-1/logs/aws4_request, "
                + "SignedHeaders=content-encoding;content-type;host;x-amz-date;x-amz-target, "
                + "Signature=8b1657ea1eaed087f7c2ea44b4f0e41b37e769f2a631ce718f874c15474c4988")
        try expectSignature(
            HTTPRequest(
                method: "GET",
                url: "https://monitoring.us-gov-west-1.amazonaws.com:443/a%20b/./c/../%2Fd//?b=2&a=%C3%A9&a=1&c",
                headers: [("X-Two", "  b   c "), ("x-two", "a")]),
            Credentials(
                accessKeyID: "ASIAVITALS", secretAccessKey: "secret", sessionToken: "a/token+with==signs",
                origin: "a test"),
            SigningScope(region: "us-gov-west-1", service: "monitoring", unixSeconds: 0),
            "AWS4-HMAC-SHA256 Credential=ASIAVITALS/19700101/us-gov-west-1/monitoring/aws4_request, "
                + "SignedHeaders=host;x-amz-date;x-amz-security-token;x-two, "
                + "Signature=9f0c11e5491f81b79cdd0a06a6fdf08e4a6aba0f0df958b64ca045b560aa2dfc")
    }

    private func expectSignature(
        _ request: HTTPRequest, _ credentials: Credentials, _ scope: SigningScope, _ authorization: String
    ) throws {
        var signer = try RequestSigner()
        // Twice: the second time with the key that was kept.
        for _ in 0..<2 {
            var signed = request
            signer.sign(&signed, as: credentials, in: scope)
            #expect(signed.header("Authorization") == authorization)
        }
    }

    /// A key is kept for a day, a region, a service and a secret, and for nothing else.
    @Test func keysAreNotMixedUp() throws {
        var kept = try RequestSigner()
        for number in 0..<40 {
            let credentials = Credentials(accessKeyID: "A", secretAccessKey: "secret\(number % 2)", origin: "a test")
            let scope = SigningScope(
                region: "r\(number / 2 % 2)", service: "s\(number / 4 % 2)", unixSeconds: Int64(number / 8 % 2) * 86_400
            )
            var (one, other) = (HTTPRequest(url: "http://h/"), HTTPRequest(url: "http://h/"))
            var fresh = try RequestSigner()
            kept.sign(&one, as: credentials, in: scope)
            fresh.sign(&other, as: credentials, in: scope)
            #expect(one.header("Authorization") == other.header("Authorization"))
        }
    }

    /// RFC 4231, test cases 1 and 6; FIPS 180-4's "abc"; and the same as our own for many lengths.
    @Test func digests() throws {
        let digest = try Digest()
        func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
        #expect(
            hexadecimal(digest.hmac(key: [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8)))
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(
            hexadecimal(
                digest.hmac(
                    key: [UInt8](repeating: 0xAA, count: 131),
                    Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(
            hexadecimal(digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        for count in Array(0...130) + [1_000, 65_536] {
            let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            #expect(digest.sha256(message) == sha256(message))
        }
        #expect(digest.hmac(key: [], []).count == 32)
    }

    @Test func publishedCases() throws {
        let cases = try Self.cases()
        #expect(cases.count == 38)
        for (name, files) in cases { try check(name, files) }
    }

    private func check(_ name: String, _ files: [String: String]) throws {
        func file(_ part: String) throws -> String { try #require(files[part], "\(name) has no \(part)") }
        let context = try JSONDecoder().decode(Context.self, from: Data(try file("context.json").utf8))
        var options = SigningOptions()
        options.normalizesPath = context.normalize
        options.sendsBodyHash = context.sign_body
        options.signsSessionToken = context.omit_session_token != true
        let credentials = Credentials(
            accessKeyID: context.credentials.access_key_id, secretAccessKey: context.credentials.secret_access_key,
            sessionToken: context.credentials.token, origin: "a test")
        let time = try #require(ISO8601DateFormatter().date(from: context.timestamp))
        let scope = SigningScope(
            region: context.region, service: context.service, unixSeconds: Int64(time.timeIntervalSince1970))
        var request = try parse(try file("request.txt"))
        let unsigned = request
        var signer = try RequestSigner()
        signer.sign(&request, as: credentials, in: scope, options)

        var prepared = unsigned
        let bodyHash = try Digest().sha256(unsigned.body).map { String(format: "%02x", $0) }.joined()
        let canonical = signer.prepare(
            &prepared, as: credentials, in: scope, bodyHash: Array(bodyHash.utf8), options)
        let text = signer.stringToSign(canonical, in: scope)
        #expect(
            String(decoding: canonical.text, as: UTF8.self) == (try file("header-canonical-request.txt")), "\(name)")
        #expect(String(decoding: text, as: UTF8.self) == (try file("header-string-to-sign.txt")), "\(name)")
        let signature = try file("header-signature.txt")
        #expect(
            String(decoding: signer.signature(of: text, as: credentials, in: scope), as: UTF8.self) == signature,
            "\(name)")
        let authorization = request.headers.first { $0.name == "Authorization" }?.value
        let signed = try file("header-signed-request.txt").split(separator: "\n")
            .first { $0.hasPrefix("Authorization:") }
        #expect(authorization == signed.map { String($0.dropFirst("Authorization:".count)) }, "\(name)")
        #expect(
            request.headers.first { $0.name == "X-Amz-Security-Token" }?.value == context.credentials.token, "\(name)")
    }

    /// A request as it goes over the wire, but that its path may hold what should be encoded.
    private func parse(_ text: String) throws -> HTTPRequest {
        let parts = text.components(separatedBy: "\n\n")
        var lines = parts[0].components(separatedBy: "\n").filter { !$0.isEmpty }
        let first = lines.removeFirst()
        let method = String(first.prefix { $0 != " " })
        let target = first.dropFirst(method.count + 1).dropLast(" HTTP/1.1".count)
        var headers: [(name: String, value: String)] = []
        for line in lines {
            if line.hasPrefix(" ") {
                headers[headers.count - 1].value += "\n" + line
            } else {
                let colon = try #require(line.firstIndex(of: ":"))
                headers.append((String(line[..<colon]), String(line[line.index(after: colon)...])))
            }
        }
        return HTTPRequest(
            method: method, url: "https://example.amazonaws.com\(target)", headers: headers,
            body: Array((parts.count > 1 ? parts[1] : "").utf8))
    }
}
