import Foundation
import Metrics
import Platform
import Procfs
import Settings
import TestSupport
import Testing

@testable import Agent
@testable import Collectors

/// What stands in a file can contradict what the agent serves: the scrape stays whole, and says so.
@Suite struct TextfileScrapeTests {
    private func scraper(_ directory: TemporaryDirectory, log: AgentLog = .silent) throws -> Scraper {
        var settings = try section(
            #"{ "textfile": { "directory": "\#(directory.path)" } }"#, path: "collectors")
        return try Scraper(
            &settings, host: Procfs.Host(proc: "\(directory.path)/none"),
            collectors: allCollectors.filter { $0.name == "textfile" }, log: log)
    }

    private func lines(_ scraper: Scraper, _ request: ScrapeRequest = ScrapeRequest()) -> [String] {
        String(decoding: scraper.exposition(request), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Found after the collector has said that all is well.
    @Test(arguments: [
        "process_cpu_seconds_total 1", "# TYPE process_cpu_seconds_total gauge\nprocess_cpu_seconds_total 1",
    ])
    func whatVitalsServesIsAnErrorInAFile(text: String) throws {
        let directory = try TemporaryDirectory()
        try directory.write("a.prom", text)
        let scraper = try scraper(directory)
        for _ in 0..<2 { #expect(lines(scraper).contains("node_textfile_scrape_error 1")) }
        try directory.write("a.prom", "mine 1")
        #expect(lines(scraper).contains("node_textfile_scrape_error 0"))
    }

    @Test func eachScraperHasItsOwnNamesAndProblems() throws {
        let directory = try TemporaryDirectory()
        try directory.write("a.prom", "my_metric 1\n{\"my.metric\"} 2\n{\"other.metric\",\"a.b\"=\"c\"} 3\n")
        let scraper = try scraper(directory)
        var free = ScrapeRequest()
        free.escaping = .allowUTF8
        for _ in 0..<2 {
            let escaped = lines(scraper)
            #expect(escaped.contains("my_metric 1") && escaped.contains("other_metric{a_b=\"c\"} 3"))
            #expect(!escaped.contains("my_metric 2"))
            #expect(escaped.contains("node_textfile_scrape_error 1"))
            #expect(
                escaped.contains(
                    "vitals_textfile_problem{file=\"\(directory.path)/a.prom\",reason=\"escaped_name\"} 2"))
            let exact = lines(scraper, free)
            #expect(exact.contains("my_metric 1") && exact.contains("{\"my.metric\"} 2"))
            #expect(exact.contains("{\"other.metric\",\"a.b\"=\"c\"} 3"))
            #expect(exact.contains("node_textfile_scrape_error 0"))
            #expect(!exact.contains { $0.hasPrefix("vitals_textfile_problem{") })
        }
    }

    @Test func contradictionsNeverBreakAScrape() throws {
        let directory = try TemporaryDirectory()
        try directory.write("proc/sys/fs/file-nr", "2048\t0\t9223372036854775807\n")
        try directory.write(
            "files/a.prom",
            """
            # TYPE node_filefd_allocated gauge
            node_filefd_allocated 1
            node_filefd_allocated{of="a file"} 2
            # TYPE process_cpu_seconds_total gauge
            process_cpu_seconds_total 3
            vitals_textfile_problem{file="x",reason="served_by_vitals"} 4
            node_textfile_scrape_error 5
            node_scrape_collector_success{collector="textfile"} 6

            """)
        var settings = try section(
            #"{ "textfile": { "directory": "\#(directory.path)/files" } }"#, path: "collectors")
        let scraper = try Scraper(
            &settings, host: Procfs.Host(proc: "\(directory.path)/proc"),
            collectors: allCollectors.filter { ["filefd", "textfile"].contains($0.name) }, log: .silent)
        for _ in 0..<3 {
            let lines = String(decoding: scraper.exposition(), as: UTF8.self).split(separator: "\n").map(String.init)
            #expect(lines.contains("node_filefd_allocated 2048"))
            #expect(lines.contains("node_filefd_allocated{of=\"a file\"} 2"))
            #expect(!lines.contains("node_filefd_allocated 1"))
            #expect(lines.contains("# TYPE process_cpu_seconds_total counter"))
            #expect(!lines.contains("process_cpu_seconds_total 3"))
            #expect(!lines.contains("node_textfile_scrape_error 5"))
            #expect(lines.contains("node_scrape_collector_success{collector=\"textfile\"} 1"))
            let types = lines.filter { $0.hasPrefix("# TYPE ") }
            #expect(Set(types).count == types.count)
            let series = lines.filter { !$0.hasPrefix("#") }.map { $0[..<($0.lastIndex(of: " ") ?? $0.endIndex)] }
            #expect(Set(series).count == series.count)
            func problem(_ reason: String) -> String? {
                let start = "vitals_textfile_problem{file=\"\(directory.path)/files/a.prom\",reason=\"\(reason)\"} "
                return lines.first { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
            }
            #expect(problem("served_by_vitals") == "2")
            #expect(problem("served_as_another_type") == "5")
        }
    }
}
