import Bytes
import CZlib
import Foundation
import TestSupport
import Testing

@Suite struct TimeTextTests {
    private func ours(_ nanoseconds: Int64) -> String {
        var text: [UInt8] = []
        text.append(rfc3339: nanoseconds)
        return String(decoding: text, as: UTF8.self)
    }

    @Test func knownMoments() {
        #expect(ours(0) == "1970-01-01T00:00:00.000000000Z")
        #expect(ours(-1) == "1969-12-31T23:59:59.999999999Z")
        #expect(ours(951_782_400_000_000_001) == "2000-02-29T00:00:00.000000001Z")
        #expect(ours(.max) == "2262-04-11T23:47:16.854775807Z")
        #expect(ours(.min) == "1677-09-21T00:12:43.145224192Z")
    }

    @Test func everyDayOfTwoErasIsFoundations() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        // Foundation's Gregorian calendar is Julian before 1582; the days after it are enough to pass an era's end
        // and a century's.
        let first = Int64(-10_000_000_000 / 86_400)
        for day in stride(from: first, through: first + 300_000, by: 13) {
            let time = CivilTime(unixSeconds: day * 86_400 + 86_399)
            let theirs = calendar.dateComponents(
                [.year, .month, .day, .hour], from: Date(timeIntervalSince1970: Double(day * 86_400 + 86_399)))
            if time.year != theirs.year || time.month != theirs.month || time.day != theirs.day || time.hour != 23 {
                Issue.record("day \(day): \(time) and \(theirs)")
            }
        }
    }

    @Test func randomMomentsAreFoundations() {
        var random = SeededRandom()
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "yyyy-MM-dd'T'HH:mm:ss"
        for _ in 0..<3_000 {
            let seconds = Int64.random(in: -9_000_000_000...9_000_000_000, using: &random)
            let nanoseconds = Int64.random(in: 0..<1_000_000_000, using: &random)
            let theirs = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            let expected = theirs + "." + String(format: "%09d", nanoseconds) + "Z"
            #expect(ours(seconds * 1_000_000_000 + nanoseconds) == expected, "seed \(random.seed)")
        }
    }
}

@Suite struct FingerprintTests {
    @Test func memorySlicesAndBytesGiveTheSame() {
        let bytes: [UInt8] = [0, 1, 0xff, 10]
        var (memory, slice, single) = (Fingerprint(), Fingerprint(), Fingerprint())
        unsafe bytes.withUnsafeBytes { unsafe memory.add($0) }
        slice.add(bytes[..<2])
        slice.add(bytes[2...])
        for byte in bytes { single.add(byte) }
        #expect(memory == slice && memory == single && memory != Fingerprint())
    }
}

@Suite struct GzipTests {
    private func inflated(_ bytes: [UInt8], expecting count: Int) -> [UInt8]? {
        var stream = z_stream()
        guard czlib_inflate_init(&stream) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: count + 1)
        let code = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                return inflate(&stream, Z_FINISH)
            }
        }
        guard code == Z_STREAM_END, stream.avail_in == 0 else { return nil }
        return Array(output.prefix(Int(stream.total_out)))
    }

    @Test(arguments: [1, 6, 9]) func comesBackWhole(_ level: Int) {
        var random = SeededRandom()
        let compressor = GzipCompressor(level: level)
        let texts: [[UInt8]] = [
            [], [7], Array(repeating: 0x61, count: 1_000_000), random.bytes(100_000...100_000),
            random.bytes(1...70_000),
            Array(String(repeating: "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 1234.56\n", count: 5_000).utf8),
        ]
        for text in texts {
            var output: [UInt8] = [1, 2, 3]
            compressor.compress(text, into: &output)
            #expect(output.prefix(5) == [1, 2, 3, 0x1F, 0x8B])
            #expect(inflated(Array(output.dropFirst(3)), expecting: text.count) == text, "seed \(random.seed)")
        }
    }

    /// Lines like those of an exposition, no two alike.
    private func lines(_ count: Int) -> [UInt8] {
        var text: [UInt8] = []
        var number = 0
        while text.count < count {
            let labels = "cpu=\"\(number / 8)\",mode=\"m\(number % 8)\""
            text.append(text: "node_cpu_seconds_total{\(labels)} \(number * 7919 % 10_007)\n")
            number += 1
        }
        return Array(text.prefix(count))
    }

    /// A piece ends, or the text does, around each of these.
    @Test func piecesAreOneMember() {
        let compressor = GzipCompressor(level: 1)
        let whole = lines(400_000)
        for around in [8_192, 56_808, 65_000, 65_536, 2 * 56_808, 3 * 56_808, 6 * 56_808] {
            for count in around - 2...around + 2 {
                let text = Array(whole.prefix(count))
                var output: [UInt8] = []
                compressor.compress(text, into: &output)
                #expect(inflated(output, expecting: count) == text, "\(count)")
            }
        }
    }

    @Test func piecesAreNoLargerThanOneStream() {
        for count in [68_000, 120_000, 400_000] {
            let text = lines(count)
            var output: [UInt8] = []
            GzipCompressor(level: 1).compress(text, into: &output)
            #expect(output.count <= inOneStream(text).count * 101 / 100, "\(count)")
        }
    }

    /// What zlib makes of it by itself, header and trailer included.
    private func inOneStream(_ text: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        guard czlib_deflate_init(&stream, 1) == Z_OK else { return [] }
        defer { deflateEnd(&stream) }
        var input = text
        var output = [UInt8](repeating: 0, count: text.count + 100)
        input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                _ = deflate(&stream, Z_FINISH)
            }
        }
        return Array(output.prefix(Int(stream.total_out) + 18))
    }
}

@Suite struct PatternTests {
    @Test func matches() throws {
        let pattern = try Pattern(#"^\d{4}-"#)
        #expect(pattern.matches("2026-11-21"))
        #expect(!pattern.matches("x2026-"))
        #expect(!pattern.matches(""))
        #expect(try Pattern("").matches(""))
        #expect(try Pattern("^é$").matches("é"))
        #expect(try Pattern("^.$").matches("😀"), "a character is one, not its bytes")
    }

    @Test func errorsNamePlaceAndReason() throws {
        for (text, offset) in [("a(b", 3), ("[a", 2), ("a**?+", 4), ("(?<n>a)(?<n>b)", 12)] {
            let error = try #require(throws: PatternError.self) { try Pattern(text) }
            #expect(error.pattern == text)
            #expect(abs(error.offset - offset) <= 2, "\(text): \(error.offset)")
            #expect(!error.reason.isEmpty)
        }
        #expect(throws: PatternError.self) { try Pattern(#"a\Cb"#) }
    }

    @Test func invalidUTF8DoesNotStopIt() throws {
        let pattern = try Pattern("needle")
        let bytes = [0xFF, 0xC3] + Array("needle".utf8) + [0x80]
        #expect(pattern.match(bytes.span.bytes) == .matches)
        #expect(try Pattern("^.+$").match(([0xFF] as [UInt8]).span.bytes) == .doesNotMatch)
    }

    /// Each of the three limits, with a pattern and a text that reach that one first.
    @Test(arguments: [
        // Steps: twice as many for each letter.
        ("^(a+)+$", String(repeating: "a", count: 40) + "!", true),
        ("^(a|aa)+$", String(repeating: "a", count: 60) + "!", true),
        ("^(x+x+)+$", String(repeating: "x", count: 60) + "!", true),
        // What can be taken back is nested as deep as the text is long, in few steps: the JIT's stack holds that.
        ("^(?:a|b)*c", String(repeating: "ab", count: 30_000) + "c", false),
        // Groups make what is kept for each of them larger.
        ("^(?:(a)|(b)(c)?(d)?(e)?(f)?(g)?(h)?(i)?(j)?)*!", String(repeating: "ab", count: 12_000) + "!", false),
    ])
    func eachLimitGivesUp(text: String, subject: String, alsoWithJIT: Bool) throws {
        let bytes = Array(subject.utf8)
        let begin = ContinuousClock.now
        #expect(try Pattern(text, usesJIT: false).match(bytes.span.bytes) == .gaveUp, "\(text)")
        #expect(try Pattern(text).match(bytes.span.bytes) == (alsoWithJIT ? .gaveUp : .matches), "\(text)")
        // What is not UTF-8 goes without the JIT as well.
        #expect(try Pattern(text).match(([0xFF] + bytes).span.bytes) != .matches)
        // Milliseconds; without limits the first would take hours.
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    @Test func theInterpreterFindsWhatTheJITFinds() throws {
        for (text, subject) in [("a+!$", "aaa!"), (#"\d{4}-(\w+)"#, "2026-x"), ("^$", "")] {
            let bytes = Array(subject.utf8)
            #expect(try Pattern(text, usesJIT: false).match(bytes.span.bytes) == .matches)
        }
    }

    @Test func givesUpOnBacktracking() throws {
        let text = Array((String(repeating: "a", count: 40) + "!").utf8)
        #expect(try Pattern("^(a+)+$").match(text.span.bytes) == .gaveUp)
        #expect(try Pattern("^(a|a)*$").match(text.span.bytes) == .gaveUp)
        #expect(try Pattern("^a+!$").match(text.span.bytes) == .matches)
    }
}
