import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Agent
@testable import Collectors
@testable import Metrics
@testable import Platform
@testable import Settings

@Suite struct ScraperTests {
    private func text(_ scraper: Scraper, only: [String] = [], without: [String] = []) -> String {
        String(decoding: scraper.exposition(ScrapeRequest(only: only, without: without)), as: UTF8.self)
    }

    @Test func servesWhatThereIsAndSaysWhatIsMissing() throws {
        let script = Script()
        let scraper = try script.scraper()
        for _ in 0..<3 {
            let text = text(scraper)
            let lines = text.split(separator: "\n")
            #expect(lines.contains(#"fake_value{of="good \"\\\n"} 1"#))
            // What was added before the failure is served.
            #expect(lines.contains(#"fake_value{of="before the failure"} 2"#))
            #expect(lines.contains(#"node_scrape_collector_success{collector="good"} 1"#))
            #expect(lines.contains(#"node_scrape_collector_success{collector="failing"} 0"#))
            #expect(lines.contains(#"node_scrape_collector_success{collector="absent"} 0"#))
            #expect(lines.contains(#"vitals_collector_status{collector="good",status="ok"} 1"#))
            #expect(lines.contains(#"vitals_collector_status{collector="failing",status="failed"} 1"#))
            #expect(lines.contains(#"vitals_collector_status{collector="absent",status="absent"} 1"#))
            #expect(lines.count { $0.hasPrefix("node_scrape_collector_duration_seconds{") } == 3)
            #expect(lines.count { $0.hasPrefix("# TYPE fake_value ") } == 1)
            #expect(lines.contains { $0.hasPrefix("process_cpu_seconds_total ") })
            #expect(!text.contains(#"of="optional"#) && !text.contains(#"of="hanging"#))
        }
        #expect(script.calls("good") == 3)
    }

    @Test func whatAHostNeverHadIsLookedForNowAndThen() throws {
        let absent = #"vitals_collector_status{collector="absent",status="absent"} 1"#
        let seldom = Script()
        let scraper = try seldom.scraper()
        for _ in 0..<5 { #expect(text(scraper).contains(absent)) }
        #expect(seldom.calls("absent") == 1)
        // Only what throws without a sample is left alone.
        #expect(seldom.calls("failing") == 5)

        let always = Script()
        let hasty = try always.scraper(absencePause: .zero)
        for _ in 0..<2 { #expect(text(hasty).contains(absent)) }
        #expect(always.calls("absent") == 2)
    }

    @Test func whatWasThereOnceIsLookedForEachTime() throws {
        let script = Script()
        script.state.withLock { $0.isThere = true }
        let scraper = try script.scraper()
        for isThere in [true, false, false, true] {
            script.state.withLock { $0.isThere = isThere }
            let status = isThere ? "ok" : "absent"
            #expect(text(scraper).contains(#"vitals_collector_status{collector="absent",status="\#(status)"} 1"#))
        }
        #expect(script.calls("absent") == 4)
    }

    @Test func leavesTheOneBehindThatHangs() throws {
        let script = Script()
        defer { script.gate.signal() }
        let scraper = try script.scraper(
            section(#"{ "enable": ["hanging"], "timeout": "200ms" }"#, path: "collectors"))
        let begin = Instant.now
        let first = text(scraper)
        let took = Instant.now - begin
        #expect(took >= .milliseconds(190) && took < .seconds(3), "\(took)")
        #expect(first.contains(#"fake_value{of="good "#))
        #expect(first.contains(#"vitals_collector_status{collector="absent",status="absent"} 1"#))
        #expect(first.contains(#"vitals_collector_status{collector="hanging",status="late"} 1"#))
        #expect(first.contains(#"node_scrape_collector_success{collector="hanging"} 0"#))
        #expect(!first.contains(#"fake_value{of="hanging"}"#))
        for _ in 0..<5 {
            let begin = Instant.now
            #expect(text(scraper).contains(#"vitals_collector_status{collector="hanging",status="late"} 1"#))
            #expect(Instant.now - begin < .milliseconds(190))
        }
        #expect(script.calls("hanging") == 1)
        #expect(script.calls("good") == 6)
        script.gate.signal()
        script.gate.signal()
        // It comes back, and is asked again.
        let isBack = eventually {
            self.text(scraper).contains(#"vitals_collector_status{collector="hanging",status="ok"} 1"#)
        }
        #expect(isBack)
    }

    @Test func theAskersDeadlineHolds() throws {
        let script = Script()
        defer { script.gate.signal() }
        let scraper = try script.scraper(section(#"{ "enable": ["hanging"] }"#, path: "collectors"))
        let done = DispatchSemaphore(value: 0)
        let begin = Instant.now
        var request = ScrapeRequest()
        request.deadline = .now + .milliseconds(150)
        scraper.exposition(request, adding: { _ in }, then: { _ in done.signal() })
        #expect(done.wait(timeout: .now() + 4) == .success)
        #expect(Instant.now - begin < .seconds(3))
    }

    @Test func scrapesAtTheSameTimeTakeTurns() throws {
        let script = Script()
        let scraper = try script.scraper()
        let good = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<25 where String(decoding: scraper.exposition(), as: UTF8.self).contains(#"of="good"#) {
                good.withLock { $0 += 1 }
            }
        }
        #expect(good.withLock(\.self) == 200)
        #expect(script.calls("good") == 200)
        let idle = DispatchSemaphore(value: 0)
        scraper.whenIdle { idle.signal() }
        #expect(idle.wait(timeout: .now() + 5) == .success)
    }

    /// Three wait while one is read: two for the same collectors, in two formats, and one for others.
    @Test func scrapesThatWaitShareOneReading() throws {
        let script = Script()
        let scraper = try script.scraper(section(#"{ "enable": ["hanging"] }"#, path: "collectors"))
        let done = DispatchSemaphore(value: 0)
        let answers = Mutex<[String]>([])
        func ask(_ request: ScrapeRequest) {
            scraper.exposition(request, adding: { _ in }) { body in
                answers.withLock { $0.append(String(decoding: body, as: UTF8.self)) }
                done.signal()
            }
        }
        var openMetrics = ScrapeRequest()
        openMetrics.format = .openMetrics
        ask(ScrapeRequest())
        #expect(eventually { script.calls("hanging") == 1 })
        for request in [ScrapeRequest(), ScrapeRequest(only: ["good"]), openMetrics] { ask(request) }
        script.gate.signal()
        for _ in 0..<4 { #expect(done.wait(timeout: .now() + 10) == .success) }
        #expect(script.calls("hanging") == 1)
        #expect(script.calls("good") == 2)
        let texts = answers.withLock(\.self)
        #expect(texts[0] == texts[1])
        #expect(texts[2].hasSuffix("# EOF\n") && texts[2].contains("# TYPE process_cpu_seconds counter\n"))
        #expect(!texts[3].contains("hanging") && texts[3].contains("fake_value{of=\"good"))
    }

    @Test func namesThoseThatAreNotEnabled() throws {
        let scraper = try Script().scraper()
        #expect(text(scraper).contains(#"vitals_collector_status{collector="hanging",status="disabled"} 1"#))
        #expect(!text(scraper, only: ["good"]).contains(#""disabled""#))
    }

    @Test func asksOnlyWhomItShould() throws {
        let script = Script()
        let scraper = try script.scraper()
        let only = text(scraper, only: ["good"])
        #expect(only.contains("of=\"good") && !only.contains("failing"))
        #expect(only.contains("vitals_build_info{"))
        #expect(script.calls("failing") == 0)
        let without = text(scraper, without: ["good", "nonsense"])
        #expect(!without.contains("of=\"good") && without.contains("failing"))
        #expect(throws: SelectionError(description: "disabled collector: hanging")) {
            try scraper.check(only: ["good", "hanging"], without: [])
        }
        #expect(throws: SelectionError(description: "unknown collector: x")) {
            try scraper.check(only: ["x"], without: [])
        }
        #expect(throws: SelectionError.self) { try scraper.check(only: ["good"], without: ["good"]) }
        try scraper.check(only: [], without: ["x"])
    }

    @Test func saysAProblemOnceAndThatItIsOver() throws {
        let (script, sink) = (Script(), LogSink())
        let scraper = try script.scraper(log: sink.log)
        for _ in 0..<3 { _ = scraper.exposition() }
        #expect(sink.text.count { $0.contains("collector=failing") } == 1)
        #expect(sink.text.count { $0.contains("collectors=absent") && $0.contains("level=info") } == 1)
        script.fail(.failed("another"))
        for _ in 0..<3 { _ = scraper.exposition() }
        #expect(sink.text.count { $0.contains("collector=failing") && $0.contains("reason=another") } == 1)
        script.fail(nil)
        for _ in 0..<3 { _ = scraper.exposition() }
        #expect(sink.text.count { !$0.contains("level=debug") } == 4)
        #expect(sink.text.last?.contains("works again") == true)
        #expect(scraper.collectors.first { $0.name == "failing" }?.status == .ok)
        #expect(scraper.collectors.first { $0.name == "absent" }?.reason == "no such file")
        #expect(scraper.collectors.first { $0.name == "hanging" }?.isEnabled == false)
        #expect(scraper.collectors.map(\.name) == fakeCollectors.map { $0.name })
    }

    @Test func readsItsSettings() throws {
        let scraper = try Script().scraper(
            section(
                #"{ "enable": ["optional"], "disable": ["failing", "absent"], "good": { "value": 42 } }"#,
                path: "collectors"))
        let text = text(scraper)
        #expect(text.contains(#"fake_value{of="optional"} 3"#))
        #expect(text.contains(#"fake_value{of="good \"\\\n"} 42"#))
        #expect(!text.contains("before the failure"))
    }

    @Test func rejectsWrongSettings() {
        func expect(_ settings: String, _ text: String) {
            do {
                _ = try Script().scraper(section(settings, path: "collectors"))
                Issue.record("was accepted, expected: \(text)")
            } catch { #expect("\(error)".contains(text), "\(error)") }
        }
        expect(
            #"{ "enable": ["goood"] }"#,
            "agent.json:1:14: collectors.enable[0]: unknown collector \"goood\", did you mean \"good\"?")
        expect(#"{ "disable": ["zzzzzz"] }"#, "unknown collector \"zzzzzz\"")
        expect(#"{ "disable": "good" }"#, "expected a list of names")
        expect(
            #"{ "enable": ["good"], "disable": ["good"] }"#,
            "in \"enable\" and in \"disable\""
        )
        expect(#"{ "timeout": "0s" }"#, "collectors.timeout: expected a duration from")
        expect(#"{ "good": { "valu": null } }"#, "unknown key, did you mean \"value\"?")
        // Not enabled, and checked all the same.
        expect(
            #"{ "optional": { "flag": 1 } }"#,
            "optional.flag: expected true or false")
        expect(#"{ "godo": {} }"#, "did you mean \"good\"?")
    }
}
