import Bytes
import Testing

@Suite struct PathTests {
    @Test func pathsAreComparedByTheirBytes() {
        let composed = Path([0x63, 0xC3, 0xA9])
        let decomposed = Path([0x63, 0x65, 0xCC, 0x81])
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(Path([0x61, 0xE9]) != Path([0x61, 0xEF, 0xBF, 0xBD]))
        #expect(Path([0x61]) < Path([0xE9]))
    }

    @Test func namesAndDirectories() {
        #expect(Path("/var/log") / "a" == "/var/log/a")
        #expect(Path("/") / "a" == "/a")
        #expect(Path("") / "a" == "/a")
        #expect(Path("/var/log/a").name == "a")
        #expect(Path("a").name == "a")
        #expect(Path("/var/log/a").directory == "/var/log")
        #expect(Path("/a").directory == "/")
        #expect(Path("/").directory == nil)
        #expect(Path("a").directory == nil)
        #expect(Path("/var/log").isInside("/var"))
        #expect(Path("/var").isInside("/var"))
        #expect(Path("/var").isInside("/"))
        #expect(!Path("/variable").isInside("/var"))
        #expect(Path("/a.prom").hasSuffix(".prom"))
        #expect(!Path("m").hasSuffix(".prom"))
    }

    @Test func aNulEndsAPath() {
        #expect(Path([0x61, 0, 0x62]) == "a")
        Path("ab").withCString { unsafe #expect(String(cString: $0) == "ab") }
    }

    @Test func aMessageIsOneLine() {
        let message = "\(Path("a\n\\b")): \u{1B}[31m no\nsuch\u{2029}file\u{9B}\u{85}"
        let shown = "a\\n\\\\b: \\x1b[31m no\\nsuch\\u{2029}file\\x9b\\x85"
        #expect(String(printable: message) == shown)
        #expect(String(printable: shown) == shown)
    }

    @Test func aPersonSeesNoControlCharacters() {
        #expect(Path([0x61, 0xE9]).description == "a\u{FFFD}")
        #expect(Path([0x61, 0xE9]).text == nil)
        #expect(Path("a\n\u{1B}[2Jb\u{202E}c\u{2028}\u{7F}é").description == "a\\n\\x1b[2Jb\\u{202e}c\\u{2028}\\x7fé")
    }
}
