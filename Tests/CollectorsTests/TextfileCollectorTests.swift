import Bytes
import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

import struct Procfs.Host

@testable import Collectors

@Suite struct TextfileCollectorTests {
    private func collector(_ settings: String) throws -> TextfileCollector {
        var section = try section(settings, path: "textfile")
        let collector = try TextfileCollector(&section, host: Host())
        try section.finish()
        return collector
    }

    private func lines(_ collector: inout TextfileCollector, without root: String) throws -> [String] {
        try samples(&collector).map { $0.replacingOccurrences(of: root, with: "") }
            .filter { !$0.hasPrefix("node_textfile_mtime_seconds") }.sorted()
    }

    @Test func serves() throws {
        let root = "\(Repository.fixtures)/hosts/composed-textfile"
        var collector = try collector(
            #"{ "directory": ["\#(root)/textfile", "\#(root)/textfile/apps/*/"], "directories": ["\#(root)/none"] }"#)
        var texts: [String] = []
        var snapshot = Snapshot()
        for _ in 0..<2 {
            snapshot.removeAll()
            try collector.collect(into: &snapshot)
            var encoder = PrometheusText()
            var output: [UInt8] = []
            encoder.encode([snapshot], into: &output)
            texts.append(String(decoding: output, as: UTF8.self).replacingOccurrences(of: root, with: ""))
        }
        #expect(texts[0] == texts[1])
        let stable = texts[1].split(separator: "\n").filter { !$0.hasPrefix("node_textfile_mtime_seconds{") }
        try Golden.expect("composed-textfile.textfile", stable.joined(separator: "\n") + "\n")
    }

    @Test func withoutADirectoryThereIsNothing() throws {
        var collector = try collector("{}")
        #expect(try samples(&collector) == ["node_textfile_scrape_error 0"])
    }

    @Test func readsAgainOnlyWhatChanged() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.prom", "a 1\n")
        try directory.write("b.prom", "b 1\n")
        var collector = try collector(#"{ "directory": "\#(directory.path)/" }"#)
        #expect(try lines(&collector, without: directory.path) == ["a 1", "b 1", "node_textfile_scrape_error 0"])
        try directory.write("a.prom", "a 2\n")
        #expect(try lines(&collector, without: directory.path) == ["a 2", "b 1", "node_textfile_scrape_error 0"])
        try FileManager.default.removeItem(atPath: path)
        try directory.write("c.prom", "c{x=\"y\"} 1")
        #expect(try lines(&collector, without: directory.path) == ["b 1", "c{y} 1", "node_textfile_scrape_error 0"])
        // Whole seconds, as node_exporter serves them.
        let written = try FileStatus(of: "\(directory.path)/c.prom").modifiedUnixNanoseconds / 1_000_000_000
        #expect(
            try samples(&collector).contains("node_textfile_mtime_seconds{\(directory.path)/c.prom} \(written)"))
    }

    /// A change within the tick of the file system's clock, of the same size, does not show in the file's status.
    @Test func aFileThatJustChangedIsReadAgain() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.prom", "a 1\n")
        let written = try FileStatus(of: path).changedUnixNanoseconds
        var files = MetricFiles([try Glob(directory.path)], maximumAge: nil)
        let seconds: [Int64] = [0, 1, 3, 3, 9]
        let isRead = seconds.map { files.refresh(now: written + $0 * 1_000_000_000) }
        #expect(isRead == [true, true, true, false, false])
    }

    @Test func saysWhatCannotBeRead() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: "\(directory.path)/folder.prom", withIntermediateDirectories: true)
        #expect(mkfifo("\(directory.path)/pipe.prom", 0o600) == 0)
        let large = try directory.write("large.prom", "")
        #expect(truncate(large, off_t(MetricFiles.byteLimit + 1)) == 0)
        try directory.write("good.prom", "good 1\nbad\n")
        var collector = try collector(
            #"{ "directories": ["\#(directory.path)", "\#(directory.path)/none", "\#(directory.path)/no*"] }"#)
        for _ in 0..<2 {
            #expect(
                try lines(&collector, without: directory.path) == [
                    "good 1", "node_textfile_scrape_error 1", "vitals_textfile_lines_left_out{/good.prom,syntax} 1",
                    "vitals_textfile_problem{/folder.prom,unreadable} 0",
                    "vitals_textfile_problem{/good.prom,syntax} 2",
                    "vitals_textfile_problem{/large.prom,too_large} 0", "vitals_textfile_problem{/no*,unreadable} 0",
                    "vitals_textfile_problem{/none,unreadable} 0", "vitals_textfile_problem{/pipe.prom,unreadable} 0",
                ])
        }
    }

    /// `/home/*/metrics`: of those who have no such directory nothing is missing.
    @Test func aPatternFindsOnlyTheDirectoriesThatAreThere() throws {
        let directory = try TemporaryDirectory()
        try directory.write("ann/metrics/x.prom", "x 1\n")
        try directory.write("bob/mail", "")
        try directory.write("file", "")
        #expect(symlink("away", "\(directory.path)/link") == 0)
        let pattern = "\(directory.path)/*/metrics"
        var collector = try collector(#"{ "directory": "\#(pattern)" }"#)
        #expect(try lines(&collector, without: directory.path) == ["node_textfile_scrape_error 0", "x 1"])
        // One that is there and cannot be read is another matter.
        try directory.write("bob/metrics", "a file")
        #expect(
            try lines(&collector, without: directory.path) == [
                "node_textfile_scrape_error 1", "vitals_textfile_problem{/bob/metrics,unreadable} 0", "x 1",
            ])
        try FileManager.default.removeItem(atPath: "\(directory.path)/ann")
        try FileManager.default.removeItem(atPath: "\(directory.path)/bob")
        #expect(
            try lines(&collector, without: directory.path) == [
                "node_textfile_scrape_error 1", "vitals_textfile_problem{/*/metrics,unreadable} 0",
            ])
    }

    @Test func aDirectoryThatTakesAnothersPlaceIsRead() throws {
        let directory = try TemporaryDirectory()
        try directory.write("a/x.prom", "x 1")
        try directory.write("b/x.prom", "x 2")
        try directory.write("b/y.prom", "y 3")
        let current = "\(directory.path)/current"
        #expect(symlink("a", current) == 0)
        var collector = try collector(#"{ "directory": "\#(current)" }"#)
        #expect(try lines(&collector, without: directory.path) == ["node_textfile_scrape_error 0", "x 1"])
        #expect(unlink(current) == 0 && symlink("b", current) == 0)
        #expect(try lines(&collector, without: directory.path) == ["node_textfile_scrape_error 0", "x 2", "y 3"])
        #expect(unlink(current) == 0)
        #expect(
            try lines(&collector, without: directory.path) == [
                "node_textfile_scrape_error 1", "vitals_textfile_problem{/current,unreadable} 0",
            ])
    }

    /// Of names that Swift's texts cannot hold, or take for the same.
    @Test func namesAreBytes() throws {
        let directory = try TemporaryDirectory()
        let names: [[UInt8]] = [
            Array("caf".utf8) + [0xE9], Array("caf".utf8) + [0xE8], Array("caf\u{E9}".utf8), Array("cafe\u{301}".utf8),
        ]
        for (number, name) in names.enumerated() {
            let path = Path(directory.path) / Path(name + Array(".prom".utf8))
            let file = try #require(unsafe path.withCString { unsafe fopen($0, "w") })
            unsafe fputs("m{n=\"\(number)\"} \(number)\nbad\n", file)
            unsafe fclose(file)
        }
        var collector = try collector(#"{ "directory": "\#(directory.path)" }"#)
        for _ in 0..<2 {
            let lines = try samples(&collector)
            #expect(Set(lines.filter { $0.hasPrefix("m{") }) == ["m{0} 0", "m{1} 1", "m{2} 2", "m{3} 3"])
            let times = lines.filter { $0.hasPrefix("node_textfile_mtime_seconds") }
            #expect(times.filter { $0.contains("/caf\u{FFFD}.prom}") }.count == 2)
            #expect(times.count == 4)
        }
    }

    /// node_exporter says no time of a file that it cannot read: an alert on old files would call it fresh.
    @Test func whatCouldNotBeReadHasNoTime() throws {
        let directory = try TemporaryDirectory()
        for (name, text) in [
            ("bad", "bad\n"), ("half", "bad\nhalf 1\n"), ("times", "a 1 1395066363000\n"), ("empty", ""),
            ("comments", "# HELP a b\n# EOF\n"), ("type", "# TYPE a thing\n"), ("part", "# TYPE h histogram\nh 1\n"),
            ("reserved", "up 1\n"), ("z_twice", "half 2\n"),
        ] { try directory.write("\(name).prom", text) }
        var collector = try collector(#"{ "directory": "\#(directory.path)" }"#)
        for _ in 0..<2 {
            let files = try samples(&collector).filter { $0.hasPrefix("node_textfile_mtime_seconds{") }
                .map { $0.split(separator: "/").last?.split(separator: ".").first.map(String.init) ?? $0 }
            #expect(files == ["comments", "empty", "half", "reserved", "z_twice"])
        }
    }

    @Test(arguments: [
        "bad", "a 1 1395066363000", "# TYPE a gauge\n# TYPE a counter\na 1", "a 1\na 2", "up 1", "# TYPE a thing",
    ]) func aLineThatIsLeftOutIsAnError(text: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.prom", text)
        var collector = try collector(#"{ "directory": "\#(directory.path)" }"#)
        #expect(try samples(&collector).contains("node_textfile_scrape_error 1"))
        try FileManager.default.removeItem(atPath: path)
        #expect(try samples(&collector).contains("node_textfile_scrape_error 0"))
    }

    @Test func oldFilesAreLeftOutWhenAsked() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.prom", "a 1\n")
        let written = try FileStatus(of: path).modifiedUnixNanoseconds
        var collector = try collector(#"{ "directory": "\#(directory.path)", "max_age": "1h" }"#)
        let hour: Int64 = 3_600_000_000_000
        for (age, expected) in [
            (hour, ["a 1", "node_textfile_scrape_error 0"]),
            (hour + 1, ["node_textfile_scrape_error 0", "vitals_textfile_problem{/a.prom,stale} 0"]),
            (-hour, ["a 1", "node_textfile_scrape_error 0"]),
        ] {
            collector.now = { written + age }
            #expect(try lines(&collector, without: directory.path) == expected)
            #expect(try samples(&collector).contains { $0.hasPrefix("node_textfile_mtime_seconds") })
        }
    }

    @Test func filesHaveALimit() throws {
        let directory = try TemporaryDirectory()
        for number in 1_000...(1_000 + MetricFiles.fileLimit) { try directory.write("\(number).prom", "a\(number) 1") }
        var collector = try collector(#"{ "directory": "\#(directory.path)" }"#)
        let lines = try lines(&collector, without: directory.path)
        #expect(lines.count == MetricFiles.fileLimit + 2)
        #expect(lines.contains("vitals_textfile_problem{/2000.prom,too_many_files} 0"))
        #expect(lines.contains("node_textfile_scrape_error 1"))
    }

    @Test(arguments: [
        (#"{ "directory": "relative" }"#, "textfile.directory: expected an absolute path"),
        (#"{ "directory": 7 }"#, "textfile.directory: expected a directory in quotes"),
        (#"{ "directories": ["/a", 7] }"#, "textfile.directories: expected a directory in quotes"),
        (#"{ "directory": "/a/[b" }"#, "a '[' has no ']'"),
        (#"{ "directory": "/a", "max_age": "0s" }"#, "max_age: expected a duration from"),
        (#"{ "directry": "/a" }"#, "did you mean \"directory\"?"),
    ]) func rejectsWrongSettings(settings: String, reason: String) {
        do {
            _ = try collector(settings)
            Issue.record("was accepted, expected: \(reason)")
        } catch { #expect("\(error)".contains(reason), "\(error)") }
    }
}
