import Bytes
import Foundation
import HTTP
import Outputs
import Settings
import TestSupport
import Testing

@Suite struct AllOutputsTests {
    /// Every file `XOutput.swift` has its line in the list, and no type is there twice.
    @Test func listIsWholeAndSorted() throws {
        let sources = Repository.path + "/Sources/Outputs"
        let files = try FileManager.default.contentsOfDirectory(atPath: sources).filter { $0.hasSuffix("Output.swift") }
            .map { String($0.dropLast(".swift".count)) }.filter { $0 != "Output" }
        let names = allOutputs.map { "\($0)".prefix { $0 != "<" } }.map(String.init)
        #expect(Set(files) == Set(names) && files.count == names.count)
        #expect(allOutputs.map { $0.type } == Set(allOutputs.map { $0.type }).sorted())
    }

    /// The whole way, as Delivery goes it: encode, send, see what arrived.
    @Test(arguments: ["gzip", "none"]) func httpToARealReceiver(compression: String) throws {
        let receiver = try Receiver()
        func output(_ path: String) throws -> HTTPOutput<HTTPClient> {
            var section = try section(
                "{ \"url\": \"\(receiver.url)\(path)\", \"compression\": \"\(compression)\", \"proxy\": \"\" }")
            return try HTTPOutput<HTTPClient>(&section, context())
        }
        func failure(_ path: String, _ body: [UInt8]) throws -> DeliveryError? {
            var output = try output(path)
            do throws(DeliveryError) { try output.deliver(body, recordCount: 3) } catch { return error }
            return nil
        }
        var first = try output("/once/503?retry-after=3")
        #expect(first.check().problems.isEmpty)
        var encoder = first.makeEncoder()
        var body: [UInt8] = []
        #expect(encoder.encode(batch(["a", "b", "c"]), 0..<3, into: &body) == 0)
        do throws(DeliveryError) {
            try first.deliver(body, recordCount: 3)
            Issue.record("a 503 acknowledged")
        } catch {
            guard case .retry(.seconds(3), let reason) = error else { throw error }
            #expect(reason.hasPrefix("HTTP 503: {"))
        }
        try first.deliver(body, recordCount: 3)

        guard case .tooLarge = try failure("/status/413", body) else { return #expect(Bool(false)) }
        guard case .rejected(let reason) = try failure("/status/400", body) else { return #expect(Bool(false)) }
        // The receiver tells what it read: with gzip, after decompressing.
        let client = try HTTPClient(HTTPClientOptions())
        let headers = compression == "gzip" ? [(name: "Content-Encoding", value: "gzip")] : []
        let received = try Received(
            client.send(HTTPRequest(url: receiver.url + "/", headers: headers, body: body)).body)
        #expect(received.lines == 3)
        #expect(reason.hasPrefix("HTTP 400: {"))
        #expect(try failure("/close", body) != nil)
    }

    @Test func httpErrorsOfTheSettingsNameTheFile() throws {
        var section = try section(#"{ "url": "https://127.0.0.1:9/", "ca_file": "/nowhere/ca.pem", "timeout": "2s" }"#)
        var output = try HTTPOutput<HTTPClient>(&section, context())
        #expect(output.check().problems == ["ca_file: /nowhere/ca.pem: No such file or directory"])
    }
}
