import AWS
import Foundation
import HTTP
import TestSupport
import Testing

/// What is sent and where, against botocore's own: random requests, and every region that it knows.
@Suite(.enabled(if: Botocore.isThere, "botocore is not installed: scripts/deps build test")) struct BotocoreTests {
    private struct Question: Encodable {
        struct Sign: Encodable {
            let method, url: String
            let headers: [[String]]
            let body, access_key, secret_key: String
            let token: String?
            let region, service: String
            let time: Int64
        }
        struct Endpoint: Encodable {
            let service, region: String
            let fips, dual_stack: Bool
        }
        var sign: Sign?
        var endpoint: Endpoint?
        var regions: Bool?
    }

    private struct Signed: Decodable { let canonical, string_to_sign, authorization: String }
    private struct Endpoint: Decodable { let url, error: String? }
    private struct Regions: Decodable { let regions: [String] }

    @Test func aThousandRandomRequests() throws {
        let botocore = try Botocore()
        var random = SeededRandom()
        var signer = try RequestSigner()
        for number in 0..<1_000 {
            let request = randomRequest(&random)
            let credentials = Credentials(
                accessKeyID: "AKIA" + text(&random, 16...16, "ABCDEFGHIJKLMNOP234567"),
                secretAccessKey: text(&random, 40...40, "abcXYZ0189/+"),
                sessionToken: Bool.random(using: &random) ? text(&random, 1...400, "abcXYZ019/+=") : nil,
                origin: "a test")
            let scope = SigningScope(
                region: ["eu-west-1", "us-gov-west-1", "cn-north-1"].randomElement(using: &random) ?? "",
                service: ["logs", "monitoring", "sts"].randomElement(using: &random) ?? "",
                unixSeconds: Int64.random(in: 0...4_000_000_000, using: &random))
            let theirs = try botocore.ask(
                Question(
                    sign: .init(
                        method: request.method, url: request.url, headers: request.headers.map { [$0.name, $0.value] },
                        body: request.body.map { String(format: "%02x", $0) }.joined(),
                        access_key: credentials.accessKeyID, secret_key: credentials.secretAccessKey,
                        token: credentials.sessionToken, region: scope.region, service: scope.service,
                        time: scope.unixSeconds)), Signed.self)
            var ours = request
            signer.sign(&ours, as: credentials, in: scope)
            let authorization = ours.header("Authorization")
            var prepared = request
            let bodyHash = try Digest().sha256(request.body).map { String(format: "%02x", $0) }.joined()
            let canonical = signer.prepare(&prepared, as: credentials, in: scope, bodyHash: Array(bodyHash.utf8))
            #expect(
                String(decoding: canonical.text, as: UTF8.self) == theirs.canonical,
                "request \(number), seed \(SeededRandom.seed): \(request.method) \(request.url)")
            #expect(authorization == theirs.authorization, "request \(number), seed \(SeededRandom.seed)")
            guard authorization == theirs.authorization else { return }
        }
    }

    private func text(_ random: inout SeededRandom, _ count: ClosedRange<Int>, _ alphabet: String) -> String {
        String(decoding: random.bytes(count, from: Array(alphabet.utf8)), as: UTF8.self)
    }

    /// An address as a client would write it: encoded, but not in one way only.
    private func randomRequest(_ random: inout SeededRandom) -> HTTPRequest {
        func pick(_ texts: [String]) -> String { texts.randomElement(using: &random) ?? "" }
        func many<Value>(_ limit: Int, _ make: () -> Value) -> [Value] {
            (0..<Int.random(in: 0...limit, using: &random)).map { _ in make() }
        }
        let host = pick(["logs.eu-west-1.amazonaws.com", "h:8080", "h:443", "127.0.0.1:5555"])
        let path = many(5) {
            let segment = pick(["..", ".", "", "a b", "%2F", "é", text(&random, 0...8, "aZ9-._~!$'()*,;:@&=+")])
            return "/" + (segment.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? "")
        }
        let query = many(5) {
            let key = pick(["a", "A", "b-1", "Ф", text(&random, 1...5, "ab/+ %=&é")])
            return encoded(key) + "=" + encoded(text(&random, 0...6, "ab/+ ~%=&_"))
        }
        let names = [
            "X-Amz-Target", "x-amz-meta", "X-AMZ-Meta", "User-Agent", "Content-Encoding", "My-Header", "Expect",
        ]
        let headers = many(6) { (name: pick(names), value: text(&random, 0...20, "ab  \t,;=\"0")) }
        return HTTPRequest(
            method: pick(["POST", "GET", "PUT", "DELETE"]),
            url: "https://\(host)\(path.joined())\(query.isEmpty ? "" : "?")\(query.joined(separator: "&"))",
            headers: [("Content-Type", "application/x-amz-json-1.1")] + headers, body: random.bytes(0...2_000))
    }

    /// botocore signs a query as it stands: in the one spelling that is the canonical one.
    private func encoded(_ text: String) -> String {
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
        return text.addingPercentEncoding(withAllowedCharacters: CharacterSet(charactersIn: letters)) ?? ""
    }

    @Test func everyRegionsEndpoints() throws {
        let botocore = try Botocore()
        let regions = try botocore.ask(Question(regions: true), Regions.self).regions
        #expect(regions.count > 40)
        // And such as there will be.
        let future = ["eu-north-9", "mx-east-7", "us-gov-north-1", "cn-south-9", "us-isof-west-9", "eusc-de-west-2"]
        var compared = 0
        for region in regions + future where !region.hasSuffix("-global") {
            for service in AWSService.allCases {
                for (fips, dualStack) in [(false, false), (true, false), (false, true), (true, true)] {
                    let theirs = try botocore.ask(
                        Question(
                            endpoint: .init(
                                service: service.rawValue, region: region, fips: fips, dual_stack: dualStack)),
                        Endpoint.self)
                    let ours = endpointURL(of: service, region: region, usesFIPS: fips, usesDualStack: dualStack)
                    #expect(ours == theirs.url, "\(service) \(region) \(fips) \(dualStack)")
                    compared += 1
                }
            }
        }
        #expect(compared > 500)
    }
}
