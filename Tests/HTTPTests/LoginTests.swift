import Foundation
import TestSupport
import Testing

@testable import HTTP
@testable import Platform

/// Of "correct horse".
private let hashText = "$2b$05$SmWMsla4nq0txR3DqHLLMunoxkfe4OOe9pKPKoe/GOLxLfD2aGkTK"
private let hash = BcryptHash(hashText)

private func credentials(_ text: String) -> BasicCredentials? {
    BasicCredentials(header: "Basic " + Data(text.utf8).base64EncodedString())
}

@Suite struct BasicCredentialsTests {
    @Test func parses() throws {
        let given = try #require(credentials("prometheus:a:b"))
        #expect(given.name == "prometheus" && given.password == Array("a:b".utf8))
        #expect(credentials(":")?.name == "" && credentials(":")?.password == [])
        #expect(BasicCredentials(header: "bASIC   YTpi")?.name == "a")
    }

    @Test(arguments: [
        nil, "", "Basic", "Basic ", "Basic YQ", "Bearer YTpi", "Basic YTpi, Basic YTpi", "YTpi", "Basic\tYTpi",
    ])
    func rejects(header: String?) { #expect(BasicCredentials(header: header) == nil) }

    @Test func livesThroughAnything() {
        var random = SeededRandom()
        for _ in 0..<2_000 {
            let text = String(decoding: random.bytes(0...40, from: Array("Basic YTpi=:+/ \u{0}".utf8)), as: UTF8.self)
            _ = BasicCredentials(header: text)
            _ = BasicCredentials(header: "Basic " + text)
        }
    }
}

@Suite struct BcryptTests {
    @Test func takesHashesOfTheUsualForms() {
        for version in ["a", "b", "y"] { #expect(BcryptHash("$2\(version)" + hashText.dropFirst(3))?.cost == 5) }
    }

    private static let digits = String(hashText.dropFirst(7))
    private static let wrong: [String] = [
        "", "secret", "$2b$05$short", "$2x$05$\(digits)", "$1b$05$\(digits)", "$2b$03$\(digits)", "$2b$17$\(digits)",
        "$2b$5a$\(digits)", "$2b$+5$\(digits)", hashText + "a", String(hashText.dropLast()) + "!",
    ]

    @Test(arguments: wrong) func rejects(text: String) { #expect(BcryptHash(text) == nil) }

    @Test func checksPasswords() throws {
        try #require(bcryptProblem == nil)
        let hash = try #require(hash)
        #expect(hash.matches(Array("correct horse".utf8)))
        for wrong in ["", "correct hors", "correct horse ", "correct horse\u{0}", "correct horse\u{0}x"] {
            #expect(!hash.matches(Array(wrong.utf8)))
        }
        #expect(!hash.matches([UInt8](repeating: 0xFF, count: 10_000)))
    }
}

@Suite struct LoginsTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private let secret = [UInt8](repeating: 7, count: 32)

    private func logins() throws -> Logins { Logins(["prometheus": try #require(hash)], secret: secret) }

    /// As one that is alone: what has to wait is checked at once.
    private func begin(
        _ logins: inout Logins, _ text: String, from client: UInt8 = 1, at now: Instant
    ) throws -> (step: Logins.Step?, check: Logins.Check?, digest: [UInt8]) {
        let given = try #require(credentials(text))
        let digest = logins.digest(given)
        let step = logins.begin(given, digest: digest, from: [client], at: now)
        guard step == .wait, let check = logins.next() else { return (step, nil, digest) }
        #expect(check.digest == digest && check.password == given.password)
        return (nil, check, digest)
    }

    private func finish(_ logins: inout Logins, _ digest: [UInt8], isMatch: Bool, at now: Instant) -> Bool {
        logins.finish(digest: digest, isMatch: isMatch, at: now)
    }

    @Test func remembersWhatWasRightAndWhatWasWrong() throws {
        let hash = try #require(hash)
        for (text, isMatch, expected) in [
            ("prometheus:right", true, Logins.Step.right), ("prometheus:wrong", false, .wrong),
            // Nobody's hash may match: it is nobody all the same.
            ("nobody:right", true, .wrong),
        ] {
            var logins = try logins()
            let (_, check, digest) = try begin(&logins, text, at: start)
            #expect(check?.hash == hash)
            #expect(try begin(&logins, text, at: start).step == .wait)
            #expect(finish(&logins, digest, isMatch: isMatch, at: start) == (expected == .right))
            // Used every five minutes, it is remembered for good; then no more after ten.
            for minutes in [5, 10, 15, 20] {
                #expect(try begin(&logins, text, at: start + .seconds(minutes * 60)).step == expected)
            }
            let late = try begin(&logins, text, at: start + .seconds(31 * 60))
            #expect(late.check?.hash == hash)
            #expect(!finish(&logins, late.digest, isMatch: false, at: start))
        }
    }

    @Test func limitsTheTriesOfEachClient() throws {
        var logins = try logins()
        func fail(_ number: Int, from client: UInt8, at now: Instant) throws -> Logins.Step? {
            let (step, check, digest) = try begin(&logins, "prometheus:guess \(number)", from: client, at: now)
            if check != nil { #expect(!finish(&logins, digest, isMatch: false, at: now)) }
            return step
        }
        for number in 0..<5 { #expect(try fail(number, from: 1, at: start) == nil) }
        #expect(try fail(5, from: 1, at: start) == .tooMany(retryAfterSeconds: 2))
        #expect(try fail(5, from: 2, at: start) == nil)
        // One more every two seconds, and no store of them.
        #expect(try fail(6, from: 1, at: start + .seconds(1)) == .tooMany(retryAfterSeconds: 1))
        #expect(try fail(6, from: 1, at: start + .seconds(2)) == nil)
        #expect(try fail(7, from: 1, at: start + .seconds(2)) == .tooMany(retryAfterSeconds: 2))
        for number in 10..<15 { #expect(try fail(number, from: 1, at: start + .seconds(500)) == nil) }
        #expect(try fail(15, from: 1, at: start + .seconds(500)) == .tooMany(retryAfterSeconds: 2))
    }

    @Test func doesNotCountTheRightOnes() throws {
        var logins = Logins(["a": try #require(hash), "b": try #require(hash)], secret: secret)
        for number in 0..<40 {
            // Forgotten in between: each is checked again.
            let now = start + .seconds(number * 601)
            for name in ["a", "b"] {
                let (_, check, digest) = try begin(&logins, "\(name):right", at: now)
                #expect(check != nil)
                #expect(finish(&logins, digest, isMatch: true, at: now))
            }
        }
    }

    /// All of a digest counts, wherever the difference is.
    @Test func tellsDigestsApart() throws {
        let given = try #require(credentials("prometheus:right"))
        let digest = [UInt8](repeating: 0x55, count: 32)
        for index in digest.indices {
            for bit in 0..<8 {
                var logins = try logins()
                var other = digest
                other[index] ^= 1 << bit
                _ = logins.begin(given, digest: digest, from: [1], at: start)
                _ = logins.next()
                #expect(finish(&logins, digest, isMatch: true, at: start))
                let step = logins.begin(given, digest: other, from: [1], at: start)
                #expect(step == .wait)
            }
        }
    }

    /// One that waits, and is not checked.
    private func wait(_ logins: inout Logins, _ text: String, from client: UInt8) throws -> Logins.Step {
        let given = try #require(credentials(text))
        return logins.begin(given, digest: logins.digest(given), from: [client], at: start)
    }

    @Test func limitsTheChecksThatWait() throws {
        var logins = try logins()
        for number in 0..<4 { #expect(try wait(&logins, "prometheus:guess \(number)", from: 1) == .wait) }
        for client in 2..<6 { #expect(try wait(&logins, "prometheus:of \(client)", from: UInt8(client)) == .wait) }
        #expect(logins.takeTurnedAway().isEmpty)
        // Nine: the one goes whose client has tried most.
        #expect(try wait(&logins, "prometheus:other", from: 99) == .wait)
        #expect(logins.takeTurnedAway().count == 1)
        #expect(try wait(&logins, "prometheus:guess 9", from: 1) == .tooMany(retryAfterSeconds: 1))
    }

    /// Twenty addresses guess; who comes from another is next, and who was right before comes before all.
    @Test func whoHasNotGuessedComesFirst() throws {
        var logins = try logins()
        let (_, _, right) = try begin(&logins, "prometheus:right", from: 200, at: start)
        #expect(finish(&logins, right, isMatch: true, at: start))
        for number in 0..<5 {
            for client in 1..<21 { _ = try wait(&logins, "prometheus:\(client) \(number)", from: UInt8(client)) }
        }
        let fresh = try #require(credentials("prometheus:fresh"))
        let known = try #require(credentials("prometheus:new password"))
        #expect(logins.begin(fresh, digest: logins.digest(fresh), from: [100], at: start) == .wait)
        #expect(logins.next()?.digest == logins.digest(fresh))
        #expect(logins.begin(known, digest: logins.digest(known), from: [200], at: start) == .wait)
        #expect(try wait(&logins, "prometheus:other", from: 101) == .wait)
        #expect(logins.next()?.digest == logins.digest(known))
    }

    /// The sum of what is hashed is the same for each user, and for nobody.
    @Test func wrongPasswordsCostTheSameForEveryName() throws {
        let hash = try #require(hash)
        var logins = Logins(["quick": hash, "slow": hash.with(cost: 9)], secret: secret)
        for name in ["quick", "slow", "nobody"] {
            let check = try #require(try begin(&logins, "\(name):x", at: start).check)
            let rounds = ([check.hash] + check.padding).reduce(0) { $0 + 1 << $1.cost }
            #expect(rounds == 1 << 9, "\(name)")
            #expect(check.padding.allSatisfy { BcryptHash($0.text) == $0 })
        }
    }

    /// Wrong ones that come by the thousand push out no right one.
    @Test func keepsWhoIsIn() throws {
        var logins = try logins()
        let (_, _, digest) = try begin(&logins, "prometheus:right", at: start)
        #expect(finish(&logins, digest, isMatch: true, at: start))
        for number in 0..<1_000 {
            let wrong = try begin(&logins, "prometheus:\(number)", from: UInt8(number % 200), at: start)
            if wrong.check != nil { _ = logins.finish(digest: wrong.digest, isMatch: false, at: start) }
        }
        #expect(try begin(&logins, "prometheus:right", at: start).step == .right)
    }

    /// However many addresses guess, one more may try.
    @Test func looksAfterSoManyClientsOnly() throws {
        var logins = try logins()
        let given = try #require(credentials("prometheus:x"))
        for client in 0..<5_000 {
            let digest = Array("\(client)".utf8)
            #expect(logins.begin(given, digest: digest, from: digest, at: start) == .wait)
            #expect(logins.next()?.digest == digest)
            _ = logins.finish(digest: digest, isMatch: false, at: start)
        }
    }

    /// A new hash in a file: what was remembered, or is being checked, says nothing of it.
    @Test func othersTakeTheirPlace() throws {
        var logins = try logins()
        let (_, _, right) = try begin(&logins, "prometheus:right", at: start)
        #expect(finish(&logins, right, isMatch: true, at: start))
        let (_, _, wrong) = try begin(&logins, "prometheus:new", at: start)
        #expect(!finish(&logins, wrong, isMatch: false, at: start))
        let (_, _, under) = try begin(&logins, "prometheus:under way", at: start)
        #expect(try wait(&logins, "prometheus:waits", from: 3) == .wait)
        let other = try #require(hash).with(cost: 6)
        logins.replace(["prometheus": other])
        for text in ["prometheus:right", "prometheus:new"] {
            let given = try #require(credentials(text))
            #expect(logins.begin(given, digest: logins.digest(given), from: [2], at: start) == .wait)
        }
        // Who waits for an answer gets it, and it is not remembered.
        #expect(finish(&logins, under, isMatch: true, at: start))
        #expect(try begin(&logins, "prometheus:under way", from: 4, at: start).step != .right)
        while let check = logins.next() { _ = finish(&logins, check.digest, isMatch: true, at: start) }
        #expect(try begin(&logins, "prometheus:waits", from: 3, at: start).check?.hash == other)
        #expect(try begin(&logins, "prometheus:right", from: 3, at: start).step == .right)
        #expect(try begin(&logins, "prometheus:new", from: 3, at: start).step == .right)
    }
}

/// Users whose hashes stand in files.
@Suite struct AuthenticatorTests {
    private func request(_ text: String) -> HTTPServerRequest {
        let header = HTTPServerRequest.Header(
            name: "authorization", value: "Basic " + Data(text.utf8).base64EncodedString())
        return HTTPServerRequest(method: "GET", path: "/", query: "", headers: [header], keepsAlive: true)
    }

    /// The status of the answer; nil when there was none for long.
    private func ask(_ authenticator: Authenticator, _ text: String) -> Int? {
        let latch = Latch<Int>()
        authenticator.admit(request(text)) { latch.open($0?.status ?? 200) }
        return latch.wait(atMost: .seconds(30))
    }

    /// As on a dead network file system: what was known counts on, and when it comes back, what it brings does.
    @Test func filesThatHangHoldNobodyUp() throws {
        try #require(bcryptProblem == nil)
        let known = try #require(hash)
        let gate = DispatchSemaphore(value: 0)
        let authenticator = Authenticator(
            ["prometheus": known],
            readAgain: {
                gate.wait()
                // Another salt: nobody's password is right any more.
                return ["prometheus": known.with(cost: 4)]
            }, log: .silent)
        for _ in 0..<20 { #expect(ask(authenticator, "prometheus:correct horse") == 200) }
        #expect(ask(authenticator, "prometheus:wrong") == 401)
        // What comes late counts, whoever waits for it, and also while the next look hangs.
        gate.signal()
        #expect(eventually(within: .seconds(30)) { ask(authenticator, "prometheus:correct horse") == 401 })
        for _ in 0..<100 { gate.signal() }
    }
}
