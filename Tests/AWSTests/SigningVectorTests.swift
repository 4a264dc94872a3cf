// Signatures whose values somebody else has computed: vectors of our own, made by botocore's signer, and AWS's published
// suite where it lies beside the checkout.

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
    /// Beside the checkout, or beside that of which this is a worktree.
    private static let suite: String = {
        let folders = ["../shared", "../../shared"].map {
            URL(filePath: Repository.path).appending(path: "\($0)/reference/sigv4-suite/v4").standardized.path
        }
        return folders.first { FileManager.default.fileExists(atPath: $0) } ?? ""
    }()

    /// Empty where the suite is not: our own vectors hold the same.
    private static var cases: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: suite).sorted()) ?? []
    }

    @Test func theSuiteIsWhole() {
        #expect(Self.cases.isEmpty || Self.cases.count == 38)
    }

    @Test func publishedCases() throws {
        for name in Self.cases { try check(name) }
    }

    private func check(_ name: String) throws {
        func file(_ part: String) throws -> String {
            try String(contentsOfFile: "\(Self.suite)/\(name)/\(part)", encoding: .utf8)
        }
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
