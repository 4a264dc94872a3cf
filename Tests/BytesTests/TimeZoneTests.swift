import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct TimeZoneTests {
    private static let directory = "/usr/share/zoneinfo"

    private static func file(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")))
    }

    /// What Foundation makes of the same data, which knows nothing of ours; over the past, now, and the far future,
    /// which is in the rule at the file's end.
    @Test(arguments: [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata",
        "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin", "Asia/Tehran", "America/St_Johns", "Etc/UTC",
        "Antarctica/Troll", "Africa/Cairo", "Asia/Gaza", "Pacific/Chatham",
    ])
    func offsetsAreFoundations(name: String) throws {
        let rules = try #require(TimeZoneRules(tzif: try Self.file(name)))
        let zone = try #require(TimeZone(identifier: name))
        var seconds: Int64 = -2_000_000_000
        while seconds < 4_100_000_000 {
            let expected = zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(seconds)))
            let offset = rules.offset(at: seconds)
            // Foundation rounds what was before zones to minutes.
            #expect(offset == expected || seconds < -1_000_000_000, "\(name) at \(seconds)")
            seconds += 1_000_003
        }
    }

    @Test func everyZoneThereIs() throws {
        var count = 0
        let names = FileManager.default.enumerator(atPath: Self.directory)?.compactMap { $0 as? String } ?? []
        for name in names where !name.hasPrefix("right/") {
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(Self.directory)/\(name)", isDirectory: &isDirectory)
            guard !isDirectory.boolValue, let bytes = try? Self.file(name), bytes.starts(with: "TZif".utf8) else {
                continue
            }
            #expect(TimeZoneRules(tzif: bytes) != nil, "\(name)")
            count += 1
        }
        #expect(count > 300)
    }

    @Test(arguments: [
        ("UTC0", 0, 0), ("CET-1CEST,M3.5.0,M10.5.0/3", 3_600, 7_200), ("EST5EDT", -18_000, -14_400),
        ("<+0330>-3:30", 12_600, 12_600), ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", -10_800, -7_200),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 39_600, 36_000), ("IST-1GMT0,M10.5.0,M3.5.0/1", 0, 3_600),
        ("XXX3YYY,J60/0,J300/0", -10_800, -7_200), ("XXX3YYY,59,299", -10_800, -7_200),
    ])
    func posix(text: String, january: Int, july: Int) throws {
        let rules = try #require(TimeZoneRules(posix: Array(text.utf8)))
        #expect(rules.offset(at: 1_768_478_400) == january)  // 2026-01-15
        #expect(rules.offset(at: 1_784_116_800) == july)  // 2026-07-15
    }

    @Test(arguments: [
        "", "UTC", "U0", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M1.1.0", "CET-99", "<CET-1",
    ])
    func noPosix(text: String) { #expect(TimeZoneRules(posix: Array(text.utf8)) == nil) }

    @Test func theHourThatComesTwice() throws {
        let berlin = try #require(TimeZoneRules(tzif: try Self.file("Europe/Berlin")))
        let local: Int64 = 1_792_893_600 + 1_800  // 2026-10-25T02:30 on the clocks
        let first = local - 7_200
        let second = local - 3_600
        #expect(berlin.unixSeconds(local: local, near: first + 5) == first)
        #expect(berlin.unixSeconds(local: local, near: second + 5) == second)
        // The hour that is left out: 2026-03-29T02:30.
        #expect(berlin.unixSeconds(local: 1_774_751_400, near: 0) == 1_774_751_400 - 3_600)
    }

    /// Every truncation, and random bytes: a zone or none, and no trap when it is asked.
    @Test func mangled() throws {
        var random = SeededRandom()
        for name in ["Europe/Berlin", "Asia/Kolkata", "Etc/UTC"] {
            let whole = try Self.file(name)
            var texts = (0..<whole.count).map { Array(whole.prefix($0)) }
            for _ in 0..<2_000 {
                var text = whole
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    text[Int.random(in: 0..<text.count, using: &random)] = .random(in: 0 ... .max, using: &random)
                }
                texts.append(text)
            }
            for text in texts {
                guard let rules = TimeZoneRules(tzif: text) else { continue }
                for time: Int64 in [0, 1_795_228_710, -5_000_000_000, 9_000_000_000] {
                    _ = rules.unixSeconds(local: time, near: time)
                }
            }
        }
        let alphabet = Array("CETM<>+-,./:0123456789J".utf8)
        for _ in 0..<20_000 {
            guard let rules = TimeZoneRules(posix: random.bytes(0...30, from: alphabet)) else { continue }
            _ = rules.unixSeconds(local: 1_795_228_710, near: 0)
        }
    }
}
