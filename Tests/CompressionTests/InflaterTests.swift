// Each form is made by its own program, and read by its library: whole, in pieces of any size, cut, damaged, and at
// random.

import TestSupport
import Testing

@testable import Compression

@Suite struct InflaterTests {
    private static let programs: [(CompressionForm, String, [String])] = [
        (.gzip, "gzip", ["-9"]), (.xz, "xz", ["-0"]), (.xz, "xz", ["--check=sha256", "--block-size=1000"]),
        (.zstd, "zstd", ["--check"]), (.bzip2, "bzip2", ["-1"]),
    ]

    private let text = (0..<300).flatMap { Array("line \($0) of a log\n".utf8) }

    /// All that one inflater makes of these bytes, member after member.
    private func inflated(
        _ form: CompressionForm, _ bytes: [UInt8], inputAtOnce: Int = 1 << 20, room: Int = 1 << 16
    ) throws -> (text: [UInt8], outcome: InflatedStep.Outcome) {
        let inflater = try Inflaters.shared.inflater(for: form)
        var (text, output) = ([UInt8](), [UInt8](repeating: 0, count: room))
        var position = 0
        while true {
            let end = min(bytes.count, position + inputAtOnce)
            let step = inflater.inflate(bytes, position..<end, into: &output, 0..<room)
            #expect(step.consumed <= end - position && step.produced <= room)
            position += step.consumed
            text += output[..<step.produced]
            switch step.outcome {
            case .more:
                if position == bytes.count, step.produced < room { return (text, .more) }
                if step.consumed == 0, step.produced == 0, position < end { return (text, .damaged) }
            case .memberEnded:
                if position == bytes.count { return (text, .memberEnded) }
                inflater.reset()
            case .damaged, .tooLarge, .noMemory: return (text, step.outcome)
            }
        }
    }

    @Test(arguments: programs) func whole(form: CompressionForm, program: String, arguments: [String]) throws {
        let bytes = try compressed(text, by: program, arguments)
        #expect(CompressionForm.tell(bytes[...], isNamed: false) == .form(form))
        for (inputAtOnce, room) in [(1 << 20, 1 << 16), (1, 1 << 16), (1 << 20, 1), (7, 13)] {
            let (got, outcome) = try inflated(form, bytes, inputAtOnce: inputAtOnce, room: room)
            #expect(got == text && outcome == .memberEnded)
        }
        let (twice, outcome) = try inflated(form, bytes + bytes, room: 100)
        #expect(twice == text + text && outcome == .memberEnded)
        #expect(try Inflaters.shared.inflater(for: form).memoryBytes <= Inflaters.memoryLimit)
    }

    @Test(arguments: programs) func everyTruncation(form: CompressionForm, program: String, arguments: [String]) throws
    {
        let bytes = try compressed(text, by: program, arguments)
        for count in 1..<bytes.count {
            let (got, outcome) = try inflated(form, Array(bytes[..<count]))
            #expect(outcome == .more && text.starts(with: got), "cut at \(count)")
        }
    }

    /// One bit that is wrong is found, wherever a checksum is. What of the text comes before it is seen is the
    /// library's.
    @Test(arguments: programs) func everyDamage(form: CompressionForm, program: String, arguments: [String]) throws {
        let bytes = try compressed(text, by: program, arguments)
        for index in bytes.indices {
            var spoiled = bytes
            spoiled[index] ^= 0x10
            let (got, outcome) = try inflated(form, spoiled)
            // Time and name in the header of gzip say nothing of the text; the header of zstd may say that there is
            // more.
            if outcome == .memberEnded { #expect(got == text, "bit of byte \(index)") }
        }
    }

    @Test(arguments: CompressionForm.allCases) func randomBytes(form: CompressionForm) throws {
        var random = SeededRandom()
        let program = try #require(Self.programs.first { $0.0 == form })
        let head = try compressed(text, by: program.1, program.2)
        for _ in 0..<300 {
            let length = Int.random(in: 0...min(60, head.count), using: &random)
            let bytes = Array(head.prefix(length)) + random.bytes(1...400)
            let (got, _) = try inflated(form, bytes)
            #expect(got.count <= 1 << 24)
        }
    }

    @Test func framesToBeSkippedAreMembersWithoutText() throws {
        let frame: [UInt8] = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let bytes = try compressed(text, by: "zstd")
        let (got, outcome) = try inflated(.zstd, frame + bytes + frame + bytes)
        #expect(got == text + text && outcome == .memberEnded)
    }

    // MARK: Limits

    @Test func theLargestDictionaryThatProgramsMakeByLevelIsRead() throws {
        #expect(try inflated(.xz, compressed(text, by: "xz", ["-9e"])).text == text)
        #expect(try inflated(.zstd, compressed(text, by: "zstd", ["--ultra", "-20"])).text == text)
    }

    @Test func aFileThatAsksForGigabytesIsRefused() throws {
        #expect(try inflated(.xz, compressed(text, by: "xz", ["--lzma2=dict=1GiB"])).outcome == .tooLarge)
        #expect(
            try inflated(.zstd, compressed(text, by: "zstd", ["--ultra", "-22", "--long=31"])).outcome == .tooLarge)
    }

    // MARK: Libraries

    @Test func withoutALibraryItIsSaidWhichOneIsMissing() throws {
        let none = Inflaters { .missing(reason: "\($0): no such file") }
        for form in CompressionForm.allCases where form != .gzip {
            let refusal = #expect(throws: CompressionRefusal.self) { _ = try none.inflater(for: form) }
            let text = refusal?.description ?? ""
            #expect(text.contains(form.rawValue) && text.contains("no such file") && text.contains("install"))
        }
        _ = try none.inflater(for: .gzip)
    }

    @Test func aLibraryWithoutAFunctionIsTooOld() throws {
        // libc has none of them.
        let wrong = Inflaters { _ in Inflaters.open("libc.so.6") }
        for form in [CompressionForm.xz, .zstd, .bzip2] {
            let refusal = #expect(throws: CompressionRefusal.self) { _ = try wrong.inflater(for: form) }
            #expect(refusal?.description.contains("too old") == true)
        }
    }

    @Test func aLibraryThatIsNotThere() {
        guard case .missing(let reason) = Inflaters.open("libnobody-has-this.so.77") else {
            Issue.record("it was opened")
            return
        }
        #expect(reason.contains("libnobody-has-this.so.77"))
    }
}
