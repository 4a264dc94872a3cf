import Bytes
import Glibc
import Platform
import TestSupport
import Testing

/// Links of several users, which only root can make.
@Suite(.enabled(if: geteuid() == 0, "needs root: gives links to other users")) struct LinkWalkTests {
    private static let app: UInt32 = 4_001
    private static let other: UInt32 = 4_002
    private static let root: UInt32 = 0

    private let own: TemporaryDirectory
    private var top: Path { Path(own.path) }
    private var depth: Int { top.components.count }

    init() throws {
        own = try TemporaryDirectory()
        chmod(own.path, 0o755)
        try own.write("secret", "s")
        try own.write("private/a.log", "s")
        try own.write("app/own.log", "x")
        for name in ["app", "app/own.log"] { chown("\(own.path)/\(name)", Self.app, Self.app) }
    }

    private func link(_ name: String, to target: String, of owner: UInt32) {
        #expect(symlink(target, "\(own.path)/\(name)") == 0)
        #expect(lchown("\(own.path)/\(name)", owner, owner) == 0)
    }

    private func walk(_ name: String, _ rule: LinkRule = .safe, trusting names: Int = 0) throws -> FileID {
        try followLinks(top / Path(name), trusting: depth + names, rule).id
    }

    private func id(_ name: String) throws -> FileID { try FileStatus(of: "\(own.path)/\(name)").id }

    @Test func aLinkOfAUserToWhatIsNotTheirs() throws {
        link("app/x.log", to: "../secret", of: Self.app)
        let refusal = LinkWalkError.refused(link: top / "app/x.log", owner: Self.app, target: 0)
        #expect(throws: refusal) { _ = try walk("app/x.log") }
        #expect(try walk("app/x.log", .always) == id("secret"))
        link("app/absolute.log", to: "\(own.path)/secret", of: Self.other)
        #expect(throws: LinkWalkError.refused(link: top / "app/absolute.log", owner: Self.other, target: 0)) {
            _ = try walk("app/absolute.log")
        }
    }

    @Test func linksOfRootAndOfTheOwner() throws {
        link("app/root.log", to: "../secret", of: Self.root)
        #expect(try walk("app/root.log") == id("secret"))
        link("app/mine.log", to: "./own.log", of: Self.app)
        #expect(try walk("app/mine.log") == id("app/own.log"))
        // Through root's own link, as /var/run is one.
        link("run", to: "app", of: Self.root)
        link("app/by.log", to: "../run/own.log", of: Self.app)
        #expect(try walk("app/by.log") == id("app/own.log"))
    }

    /// As Kubernetes makes them: link to link to file, all of root.
    @Test func aChainOfRoot() throws {
        try own.write("docker/c1/json.log", "x")
        try own.write("pods/p1/0", "")
        try own.write("containers/x", "")
        link("pods/p1/0.log", to: "\(own.path)/docker/c1/json.log", of: Self.root)
        link("containers/c1.log", to: "\(own.path)/pods/p1/0.log", of: Self.root)
        #expect(try walk("containers/c1.log") == id("docker/c1/json.log"))
    }

    @Test func eachLinkOfAChainCounts() throws {
        link("app/inner.log", to: "../secret", of: Self.app)
        link("outer.log", to: "app/inner.log", of: Self.root)
        #expect(throws: LinkWalkError.refused(link: top / "app/inner.log", owner: Self.app, target: 0)) {
            _ = try walk("outer.log")
        }
        // What it leads to in the end counts, not the next link.
        link("hop", to: "secret", of: Self.app)
        link("app/hop.log", to: "../hop", of: Self.app)
        #expect(throws: LinkWalkError.self) { _ = try walk("app/hop.log") }
    }

    @Test func directoriesOnTheWay() throws {
        link("app/d", to: "../private", of: Self.app)
        let refusal = LinkWalkError.refused(link: top / "app/d", owner: Self.app, target: 0)
        #expect(throws: refusal) { _ = try walk("app/d/a.log") }
        #expect(throws: refusal) { _ = try walk("app/d/a.log", trusting: 1) }
        // Named by whoever wrote the settings.
        #expect(try walk("app/d/a.log", trusting: 2) == id("private/a.log"))
        #expect(try walk("app/d/a.log", .never, trusting: 2) == id("private/a.log"))
    }

    @Test func noLinkAtAll() throws {
        link("root.log", to: "secret", of: Self.root)
        #expect(throws: LinkWalkError.refused(link: top / "root.log", owner: 0, target: nil)) {
            _ = try walk("root.log", .never)
        }
        #expect(try walk("secret", .never) == id("secret"))
    }

    @Test func whatLeadsNowhere() throws {
        link("loop", to: "loop", of: Self.root)
        #expect(throws: LinkWalkError.system(.tooManyLinks)) { _ = try walk("loop") }
        link("nothing", to: "none", of: Self.root)
        #expect(throws: LinkWalkError.system(.notFound)) { _ = try walk("nothing") }
        #expect(throws: LinkWalkError.system(Errno(code: ENOTDIR))) { _ = try walk("secret/x") }
        link("up", to: "../../../../../../../../..", of: Self.root)
        #expect(try walk("up") == FileStatus(of: "/").id)
    }

    @Test func namesOfAnyBytes() throws {
        let name = Path([0x63, 0xE9])
        let target = Path([0x64, 0xFF])
        #expect((top / target).withCString { mkdir($0, 0o755) } == 0)
        let made = target.withCString { target in (top / name).withCString { symlink(target, $0) } }
        #expect(made == 0)
        #expect(try followLinks(top / name, trusting: depth, .safe).id == FileStatus(of: top / target).id)
    }
}
