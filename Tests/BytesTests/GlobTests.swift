import Testing

@testable import Bytes

@Suite struct GlobTests {
    @Test func twoSlashesAreOne() throws {
        #expect(try Glob("/var//log///*.log").matches("/var/log/a.log"))
        #expect(try Glob("//a").matches("/a"))
    }

    @Test(arguments: [
        ("/var/log/*.log", "/var/log/a.log", 2), ("/var/log/a.log", "/var/log/a.log", 2), ("/*/log/a", "/var/log/a", 0),
        ("/srv/*/logs/a", "/srv/x/logs/a", 1), ("/{a,a/b}/c/*", "/a/b/c/d", 3), ("/**/a", "/x/a", 0), ("/a", "/a", 0),
        ("/var/log/app/*", "/var/log/other/x", 2), ("/caf\u{E9}/*", "/cafe\u{301}/x", 0),
    ]) func directoriesThatStandInThePattern(pattern: String, path: String, count: Int) throws {
        #expect(try Glob(pattern).literalDirectoryCount(of: Path(path)) == count)
    }

    @Test(arguments: [
        ("/var/log/*.log", "/var/log/a.log", true), ("/var/log/*.log", "/var/log/b/a.log", false),
        ("/var/log/*.log", "/var/log/.log", false), ("/var/log/.*", "/var/log/.log", true),
        ("/var/log/a?.log", "/var/log/ab.log", true), ("/var/log/a?.log", "/var/log/a.log", false),
        ("/var/**/a.log", "/var/a.log", true), ("/var/**/a.log", "/var/x/y/a.log", true),
        ("/var/**/a.log", "/var/.x/a.log", false), ("/var/**", "/var/x/y", true), ("/**/b/**/c", "/a/b/b/x/c", true),
        ("/[a-c]x", "/bx", true), ("/[a-c]x", "/dx", false), ("/[!a-c]x", "/dx", true), ("/[^a-c]x", "/ax", false),
        ("/[]a]x", "/]x", true), ("/[a-]x", "/-x", true), ("/[a\\]]x", "/]x", true),
        ("/{a,b{c,d}}.log", "/bd.log", true), ("/{a,b{c,d}}.log", "/b.log", false), ("/x{,y}", "/x", true),
        ("{/a,/b/c}/d", "/b/c/d", true), ("/[{,}]x", "/,x", true), ("/\\*x", "/*x", true), ("/\\*x", "/ax", false),
        ("cpu_*_user", "cpu_usage_user", true), ("a*b*c", "aXbXbXc", true), ("a*b*c", "aXbXbX", false), ("*", "", true),
    ]) func matches(pattern: String, text: String, isMatch: Bool) throws {
        #expect(try Glob(pattern).matches(text) == isMatch, "\(pattern) \(text)")
    }

    @Test(arguments: ["/a[b", "/a{b", "/a}b", "/a\\", "", "/[z-a]", "/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"])
    func rejects(pattern: String) {
        #expect(throws: GlobError.self) { try Glob(pattern) }
    }

    @Test func doesNotBlowUp() throws {
        let glob = try Glob("/" + String(repeating: "**/", count: 20) + String(repeating: "a*", count: 50) + "b")
        let text = "/" + String(repeating: "x/", count: 50) + String(repeating: "a", count: 1_000)
        let start = ContinuousClock.now
        #expect(!glob.matches(text))
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test func findsABytePastTheEndOfARangeOnlyOutsideIt() {
        let bytes = Array("one\ntwo\n".utf8)
        #expect(bytes.firstIndex(of: 10, in: 0..<8) == 3)
        #expect(bytes.firstIndex(of: 10, in: 4..<7) == nil)
        #expect(bytes.firstIndex(of: 10, in: 4..<8) == 7)
        #expect(bytes.firstIndex(of: 10, in: 8..<8) == nil)
        #expect([UInt8]().firstIndex(of: 10, in: 0..<0) == nil)
    }
}
