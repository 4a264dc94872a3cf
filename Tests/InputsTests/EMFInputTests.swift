// The emf input: lines out of any pieces, sockets of this machine, and what is bad.

import Foundation
import Logs
import Platform
import Procfs
import Settings
import TestSupport
import Testing

@testable import Inputs

@Suite struct DocumentLinesTests {
    private func lines(_ text: [UInt8], pieces: [Int], limit: Int = 20) -> (lines: [String], tooLarge: Int) {
        var splitter = DocumentLines(limit: limit)
        var found: [[UInt8]] = []
        var (at, tooLarge) = (0, 0)
        for piece in pieces + [text.count] where at < text.count {
            let end = min(text.count, at + piece)
            tooLarge += splitter.take(Array(text[at..<end]), count: end - at, into: &found)
            at = end
        }
        splitter.end(into: &found)
        return (found.map { String(decoding: $0, as: UTF8.self) }, tooLarge)
    }

    @Test func splitsAtEveryPlaceTheSame() {
        let text = Array("{\"a\":1}\r\n\n  \n{\"b\":22}\n\(String(repeating: "x", count: 40))\n{}\n{\"last\":1}".utf8)
        let expected = [#"{"a":1}"#, #"{"b":22}"#, "{}", #"{"last":1}"#]
        for first in 1...text.count {
            for second in [1, 3, 17] {
                let (lines, tooLarge) = lines(text, pieces: [first, second])
                #expect(lines == expected && tooLarge == 1, "at \(first), \(second)")
            }
        }
        #expect(lines(text, pieces: Array(repeating: 1, count: text.count)).lines == expected)
    }

    @Test func whatIsAtTheLimitPassesAndMoreDoesNot() {
        #expect(lines(Array("12345\n123456\n1".utf8), pieces: [], limit: 5) == (["12345", "1"], 1))
        #expect(lines(Array("123456".utf8), pieces: [1, 1], limit: 5) == ([], 1))
        #expect(lines([], pieces: []) == ([], 0))
    }
}

@Suite struct EMFInputTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func input(_ settings: String, spool: String? = "spool/a", shares: InputShares = InputShares()) throws
        -> EMFInput
    {
        var section = try section(settings, path: "inputs.emf")
        let input = try EMFInput(
            &section,
            InputContext(
                name: "emf", host: Host(), hostName: "web-1", log: .silent, resume: nil, now: .now,
                spoolDirectory: spool.map { "\(directory.path)/\($0)" }, shares: shares))
        try section.finish()
        return input
    }

    private func document(_ number: Int, more: String = "") -> String {
        let now = Moment.now.unixNanoseconds / 1_000_000
        let metrics = #"[{"Namespace":"N","Dimensions":[[]],"Metrics":[{"Name":"n"}]}]"#
        return #"{"_aws":{"Timestamp":\#(now),"CloudWatchMetrics":\#(metrics)\#(more)},"n":\#(number)}"#
    }

    private func count(_ input: EMFInput, _ reason: String) -> UInt64 {
        input.status(at: .now).counts.first { $0.reason == reason }?.count ?? 0
    }

    /// Reads until there are so many.
    private func read(_ input: EMFInput, _ count: Int) throws -> LogBatch {
        var batch = LogBatch()
        #expect(
            eventually {
                _ = input.read(into: &batch, at: .now)
                return batch.records.count >= count
            }, "\(batch.records.count) of \(count); \(input.status(at: .now))")
        return batch
    }

    private let loopback = #""tcp": "127.0.0.1:0", "udp": "127.0.0.1:0""#

    private func connect(_ input: EMFInput) throws -> Socket {
        let address = try #require(input.listener.addresses.tcp)
        return try Socket.connecting(to: address, until: .now + .seconds(10))
    }

    /// All of it: more than the kernel takes at once.
    private func send(_ text: String, to client: Socket) throws {
        let bytes = Array(text.utf8)
        var sent = 0
        #expect(
            eventually {
                do throws(Errno) { sent += try client.write(bytes, from: sent) } catch { return error != .wouldBlock }
                return sent == bytes.count
            })
        #expect(sent == bytes.count)
    }

    @Test func refusesWrongAddresses() throws {
        for wrong in [
            #"{ "tcp": "", "udp": "" }"#, #"{ "tcp": "unix:/x" }"#, #"{ "udp": "host:1" }"#, #"{ "connections": 0 }"#,
        ] {
            #expect(throws: SettingsError.self, "\(wrong)") { _ = try input(wrong) }
        }
        #expect(try input("{}").listener.settings.udp?.description == "127.0.0.1:25888")
    }

    @Test func takesDocumentsOfBothProtocols() throws {
        let input = try input("{ \(loopback) }")
        var batch = try read(input, 0)
        let client = try connect(input)
        let text = document(1) + "\n" + document(2, more: #","LogGroupName":"\/g","LogStreamName":"s""#) + "\n"
        _ = try client.write(Array(text.utf8))
        batch = try read(input, 2)
        #expect(batch.records.allSatisfy { $0.isDocument })
        #expect(batch.records[0].fields.isEmpty)
        let fields = batch.fields[Int(batch.records[1].fields.lowerBound)..<Int(batch.records[1].fields.upperBound)]
        let texts = fields.map { field in
            [field.name, field.value].map { String(decoding: batch.bytes[$0.range], as: UTF8.self) }
        }
        #expect(texts == [["log_group", "/g"], ["log_stream", "s"]])

        let udp = try #require(input.listener.addresses.udp)
        let sender = try DatagramSender(to: udp)
        sender.send(document(3) + "\n" + document(4))
        sender.send(document(5))
        batch = try read(input, 3)
        #expect(batch.records.map { batch.text(of: $0).suffix(6) } == ["\"n\":3}", "\"n\":4}", "\"n\":5}"])
        #expect(count(input, "document_received") == 5)
        for position in batch.positions(ofFirst: 3) { input.acknowledge(position) }
        #expect(input.status(at: .now).lagBytes == 0)
        input.close()
        #expect(input.listener.addresses.tcp == nil)
    }

    @Test func countsWhatIsBadUnderItsReason() throws {
        let input = try input(#"{ \#(loopback), "document_limit": "1KiB" }"#)
        _ = try read(input, 0)
        let client = try connect(input)
        let long = document(1, more: #","x":"\#(String(repeating: "y", count: 2_000))""#)
        _ = try client.write(Array(("no json\n{}\n[1]\n" + long + "\n" + document(7) + "\n").utf8))
        let batch = try read(input, 1)
        #expect(batch.text(of: batch.records[0]).hasSuffix("\"n\":7}"))
        #expect(count(input, "bad_document_not_an_object") == 2 && count(input, "bad_document_no_metadata") == 1)
        #expect(count(input, "bad_document_too_large") == 1 && count(input, "document_received") == 1)
    }

    /// The service decides: what is wrong by the specification is counted, and goes on.
    @Test(
        arguments: [
            (#""n":1"#, #""n":{"Max":3,"Min":1,"Count":2,"Sum":4}"#, nil),
            (#""n":1"#, #""n":{"Values":[1,2],"Counts":[1,3]}"#, nil), (#""Dimensions":[[]],"#, "", nil),
            (#""Dimensions":[[]]"#, #""Dimensions":[]"#, "dimensions"),
            (#""Dimensions":[[]]"#, #""Dimensions":[["gone"]]"#, "dimension_value"),
            (#""Dimensions":[[]]"#, #""Dimensions":[["n"]]"#, "dimension_value"),
            (#""Namespace":"N","#, "", "namespace"), (#"{"Name":"n"}"#, #"{"Name":"n","Unit":"Furlongs"}"#, "unit"),
            (#"{"Name":"n"}"#, #"{"Name":"n","StorageResolution":10}"#, "storage_resolution"),
            (#""n":1"#, #""n":"1""#, "metric_value"), (#""n":1"#, #""n":null"#, "metric_value"),
            (#""n":1"#, #""x":1"#, "metric_value"), (#""Timestamp":"#, #""Timestamp":"x","t":"#, "timestamp"),
            (#""Timestamp":"#, #""timestamp":"#, "timestamp"), (#""Timestamp":"#, #""Timestamp":1,"t":"#, "too_old"),
            (#""Timestamp":"#, #""Timestamp":9795230523015,"t":"#, "too_new"),
            (#""CloudWatchMetrics":["#, #""CloudWatchMetrics":[],"x":["#, nil),
            (#""CloudWatchMetrics""#, #""Metrics""#, "directives"), (#"{"_aws":{"#, #"{"_aws":1,"b":{"#, "metadata"),
        ] as [(String, String, String?)]) func whatIsWrongGoesOn(from: String, to: String, fault: String?) throws
    {
        let input = try input("{ \(loopback) }")
        _ = try read(input, 0)
        let text = document(1).replacingOccurrences(of: from, with: to)
        try #require(text != document(1))
        let client = try connect(input)
        _ = try client.write(Array("\(text)\n".utf8))
        let batch = try read(input, 1)
        #expect(batch.text(of: batch.records[0]) == text && batch.records[0].isDocument)
        // It has a time that the service takes, whatever it says itself.
        #expect(abs(batch.records[0].unixNanoseconds - Moment.now.unixNanoseconds) < 60_000_000_000)
        let counts = input.status(at: .now).counts.filter { $0.reason.hasPrefix("bad_document_") }
        #expect(counts.filter { $0.count > 0 }.map(\.reason) == (fault.map { ["bad_document_\($0)"] } ?? []))
        // All of them are served from the start.
        #expect(counts.count > 15 && count(input, "document_received") == 1)
    }

    /// Some readers of JSON refuse the whole text, and with it the batch.
    @Test func halfAPairIsNoCharacter() throws {
        let input = try input("{ \(loopback) }")
        _ = try read(input, 0)
        let client = try connect(input)
        let (half, whole) = (document(1, more: #","x":"a\ud800b""#), document(2, more: #","x":"\ud83d\ude00""#))
        _ = try client.write(Array("\(half)\n\(whole)\n".utf8))
        let batch = try read(input, 2)
        #expect(batch.text(of: batch.records[0]) == half.replacingOccurrences(of: "ud800", with: "ufffd"))
        #expect(batch.text(of: batch.records[1]) == whole && count(input, "bad_document_half_character") == 1)
    }

    @Test func manyMetricsAndAByteOrderMark() throws {
        let input = try input("{ \(loopback) }")
        _ = try read(input, 0)
        let names = (0..<150).map { #"{"Name":"n\#($0 % 2)"}"# }.joined(separator: ",")
        let many = document(1, more: #","x":1"#).replacingOccurrences(of: #"{"Name":"n"}"#, with: names)
        let client = try connect(input)
        _ = try client.write(Array("\(many)\n\u{FEFF}\(document(2))\n\u{FEFF}no json\n".utf8))
        let batch = try read(input, 2)
        #expect(batch.text(of: batch.records[0]) == many && batch.text(of: batch.records[1]).hasPrefix("{"))
        #expect(count(input, "bad_document_too_many_metrics") == 1)
        #expect(eventually { count(input, "bad_document_not_an_object") == 1 })
    }

    /// Nobody keeps it, and the document goes where the output says.
    @Test func namesThatAreTooLongAreIgnored() throws {
        let input = try input("{ \(loopback) }")
        _ = try read(input, 0)
        let client = try connect(input)
        for (group, stream) in [(512, 512), (513, 1), (900_000, 1), (1, 513)] {
            let names =
                #","LogGroupName":"\#(String(repeating: "g", count: group))","#
                + #""LogStreamName":"\#(String(repeating: "ü", count: stream))""#
            try send("\(document(1, more: names))\n", to: client)
        }
        let batch = try read(input, 4)
        let names = batch.records.map { record in
            batch.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)].map {
                String(decoding: batch.bytes[$0.name.range], as: UTF8.self)
            }
        }
        #expect(names == [["log_group", "log_stream"], ["log_stream"], ["log_stream"], ["log_group"]])
        #expect(count(input, "log_name_too_long") == 3)
    }

    @Test func aSilentClientHoldsUpNobody() throws {
        let input = try input(#"{ \#(loopback), "connections": 3 }"#)
        _ = try read(input, 0)
        // One says nothing, one never ends its line; then come as many as there are places.
        let silent = try connect(input)
        let endless = try connect(input)
        _ = try endless.write(Array(repeating: UInt8(ascii: "x"), count: 5_000))
        var clients = [silent, endless]
        for number in 0..<4 {
            let client = try connect(input)
            clients.append(client)
            _ = try client.write(Array((document(number) + "\n").utf8))
            let batch = try read(input, 1)
            #expect(batch.text(of: batch.records[0]).hasSuffix("\"n\":\(number)}"))
        }
        #expect(count(input, "connection_closed_silent") >= 1)
        #expect(input.status(at: .now).sourceCount <= 3)
        #expect(clients.count == 6)
    }

    @Test func severalRoutesShareThePort() throws {
        let shares = InputShares()
        let one = try input("{ \(loopback) }", spool: "spool/a", shares: shares)
        let other = try input("{ \(loopback) }", spool: "spool/b", shares: shares)
        #expect(one.listener === other.listener)
        _ = try read(one, 0)
        _ = try read(other, 0)
        let client = try connect(one)
        _ = try client.write(Array((document(1) + "\n").utf8))
        _ = try read(one, 1)
        _ = try read(other, 1)
        one.close()
        _ = try client.write(Array((document(2) + "\n").utf8))
        _ = try read(other, 1)
        other.close()
    }

    /// The first of two routes alone opens nothing: what came then would not be in the other's spool.
    @Test func nothingIsReceivedBeforeAllRoutesAreThere() throws {
        let shares = InputShares()
        let one = try input("{ \(loopback) }", spool: "spool/a", shares: shares)
        let other = try input("{ \(loopback) }", spool: "spool/b", shares: shares)
        one.open()
        #expect(one.listener.addresses.tcp == nil && one.listener.addresses.udp == nil)
        other.open()
        #expect(one.listener.addresses.tcp != nil && one.listener.addresses.udp != nil)
        // The first that stops has for all what was sent before.
        let client = try connect(one)
        _ = try client.write(Array((0..<100).map { document($0) + "\n" }.joined().utf8))
        one.stopReceiving(until: .now + .seconds(60))
        #expect(one.listener.addresses.tcp == nil && one.listener.addresses.udp == nil)
        one.close()
        other.stopReceiving(until: .now + .seconds(60))
        #expect(count(other, "document_received") == 100)
        let batch = try read(other, 100)
        #expect(batch.records.count == 100)
        other.close()
    }

    @Test func whatWasReceivedIsThereAfterARestart() throws {
        do {
            let input = try input("{ \(loopback) }")
            _ = try read(input, 0)
            let client = try connect(input)
            _ = try client.write(Array((0..<50).map { document($0) + "\n" }.joined().utf8))
            _ = try read(input, 50)
            input.close()
        }
        let again = try input("{ \(loopback) }")
        let batch = try read(again, 50)
        #expect(batch.records.count == 50 && batch.text(of: batch.records[49]).hasSuffix("\"n\":49}"))
        again.close()
    }

    @Test func aPortThatIsTakenIsAProblemAndNoEnd() throws {
        let holder = try Socket.listening(at: SocketAddress("127.0.0.1:0"))
        let port = try #require(holder.localAddress?.port)
        let input = try input(#"{ "tcp": "127.0.0.1:\#(port)", "udp": "127.0.0.1:0" }"#)
        _ = try read(input, 0)
        #expect(input.listener.addresses.udp != nil)
        let problems = input.status(at: .now).problems
        #expect(problems == ["127.0.0.1:\(port) (TCP) is in use: another program receives there"])
        input.close()
    }
}

/// A client of UDP.
private final class DatagramSender {
    private let descriptor: Int32
    private var address: sockaddr_in

    init(to place: SocketAddress) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = try #require(place.port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = sendto(descriptor, bytes, bytes.count, 0, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
