import AWS
import Dispatch
import Foundation
import HTTP
import Platform
import Settings
import Synchronization
import TestSupport
import Testing

/// When credentials are renewed, and that all who need them share one renewal.
@Suite struct CredentialsRefreshTests {
    /// A container whose credentials live for `life` seconds, a new key each time.
    private func container(life: Int64) -> FakeWorld {
        let fake = FakeWorld(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"])
        answer(fake, life: life)
        return fake
    }

    private func answer(_ fake: FakeWorld, life: Int64) {
        fake.service = { [unowned fake] _ in
            ok(tokenAnswer(key: "KEY\(fake.requests.count)", until: fake.unixSeconds + life))
        }
    }

    private func key(_ session: AWSSession) throws -> String { try session.credentials().accessKeyID }

    @Test func oneRequestForMany() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        DispatchQueue.concurrentPerform(iterations: 50) { _ in
            #expect(throws: Never.self) { try session.credentials() }
        }
        #expect(fake.requests.count == 1)
    }

    /// From a quarter of an hour before their end on, beside the requests.
    @Test func renewedBeforeTheyExpire() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        #expect(try key(session) == "KEY1")
        fake.unixSeconds += 2_699
        #expect(try key(session) == "KEY1" && fake.requests.count == 1)
        fake.unixSeconds += 1
        #expect(try key(session) == "KEY1")
        #expect(eventually { (try? key(session)) == "KEY2" })
        #expect(fake.requests.count == 2)
    }

    /// Five minutes before their end a request waits for new ones.
    @Test func waitedForWhenTheEndIsNear() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        _ = try key(session)
        fake.unixSeconds += 3_300
        #expect(try key(session) == "KEY2")
    }

    @Test func oldOnesAreUsedUntilTheyExpire() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        _ = try key(session)
        fake.service = { _ in noAnswer }
        fake.unixSeconds += 3_400
        #expect(try key(session) == "KEY1" && fake.requests.count == 4)
        // Not asked at each request.
        #expect(try key(session) == "KEY1" && fake.requests.count == 4)
        fake.unixSeconds += 199
        #expect(try key(session) == "KEY1" && fake.requests.count == 7)
        fake.unixSeconds += 1
        #expect(throws: AWSError.self) { try key(session) }
        fake.unixSeconds += 30
        answer(fake, life: 3_600)
        #expect(try key(session).hasPrefix("KEY"))
    }

    @Test func aFailureIsSharedForAShortTime() throws {
        let fake = container(life: 3_600)
        fake.service = { _ in status(403) }
        let session = fake.session()
        for _ in 0..<10 { #expect(throws: AWSError.self) { try key(session) } }
        #expect(fake.requests.count == 1)
        fake.unixSeconds += 5
        answer(fake, life: 3_600)
        #expect(try key(session) == "KEY2")
    }

    /// Those of fifteen minutes would otherwise be renewed with every request.
    @Test func shortLivedOnesLiveForHalfTheirLife() throws {
        let fake = container(life: 900)
        let session = fake.session()
        _ = try key(session)
        fake.unixSeconds += 449
        #expect(try key(session) == "KEY1" && fake.requests.count == 1)
        fake.unixSeconds += 1
        _ = try key(session)
        #expect(eventually { fake.requests.count == 2 })
    }

    @Test func keysOfAFileAreReadAgain() throws {
        let fake = FakeWorld(["AWS_SHARED_CREDENTIALS_FILE": "/f"])
        fake.files["/f"] = "[default]\naws_access_key_id = A1\naws_secret_access_key = s"
        let session = fake.session()
        #expect(try key(session) == "A1")
        fake.files["/f"] = "[default]\naws_access_key_id = A2\naws_secret_access_key = s"
        #expect(try key(session) == "A1")
        fake.unixSeconds += 60
        #expect(eventually { (try? key(session)) == "A2" })
        // A file that is gone for a moment takes nothing away.
        fake.files["/f"] = nil
        fake.unixSeconds += 600
        #expect(try key(session) == "A2")
    }

    /// Whatever the service has against them, at the latest then.
    @Test(arguments: [
        (403, "AccessDeniedException"), (400, "UnrecognizedClientException"), (400, "ExpiredTokenException"),
    ]) func keysOfAFileAreReadAgainWhenTheyAreRefused(refusal: (Int, String)) throws {
        let fake = FakeWorld(["AWS_SHARED_CREDENTIALS_FILE": "/f", "AWS_REGION": "eu-west-1"])
        fake.files["/f"] = "[default]\naws_access_key_id = OLD\naws_secret_access_key = s"
        fake.service = { request in
            request.header("Authorization")?.contains("Credential=NEW/") == true
                ? ok("{}") : status(refusal.0, #"{"__type":"\#(refusal.1)","message":"no"}"#)
        }
        var client = try AWSClient(.logs, session: fake.session())
        let request = AWSRequest(target: "Logs_20140328.PutLogEvents", body: [])
        #expect(throws: AWSError.self) { try client.call(request) }
        #expect(fake.requests.count == 1, "there is nothing new to try")
        fake.files["/f"] = "[default]\naws_access_key_id = NEW\naws_secret_access_key = s"
        fake.unixSeconds += 5
        #expect(throws: Never.self) { try client.call(request) }
        #expect(fake.requests.count == 3)
    }

    /// Keys of the settings that stand in files, as Kubernetes mounts secrets and others renew them.
    @Test func keysOfTheSettingsInFilesAreReadAgain() throws {
        let fake = FakeWorld()
        let files = Mutex(["/key": "AKID1", "/secret": "one\n"])
        let variables = SettingsVariables(
            environment: { _ in nil },
            readFile: { path throws(VariableError) in
                guard let text = files.withLock({ $0[path] }) else { throw VariableError(reason: "\(path): gone") }
                return Array(text.utf8)
            })
        let text = #"{"access_key_id": "${file:/key}", "secret_access_key": "${file:/secret}"}"#
        var section = try section(text, path: "outputs.aws", variables)
        let settings = try AWSClientSettings(&section)
        try section.finish()
        let session = fake.session(settings)
        #expect(try session.credentials().secretAccessKey == "one")
        files.withLock { $0 = ["/key": "AKID2", "/secret": "two"] }
        #expect(try key(session) == "AKID1")
        fake.unixSeconds += 6
        session.refuse(try session.credentials())
        #expect(try session.credentials().secretAccessKey == "two")
        #expect(try key(session) == "AKID2")
        // Without being refused, after a while; and what cannot be used changes nothing.
        files.withLock { $0 = ["/key": "AKID3", "/secret": "three"] }
        fake.unixSeconds += 60
        #expect(eventually { (try? key(session)) == "AKID3" })
        for broken in [["/key": "AKID4"], ["/key": "AKID4", "/secret": ""], ["/key": "AKID4", "/secret": "a b"]] {
            files.withLock { $0 = broken }
            fake.unixSeconds += 60
            session.refuse(try session.credentials())
            #expect(try session.credentials().secretAccessKey == "three")
        }
        // The same files are the same session, whatever they hold.
        files.withLock { $0 = ["/key": "AKID1", "/secret": "one"] }
        var again = try TestSupport.section(text, path: "outputs.other", variables)
        #expect(try AWSClientSettings(&again) == settings)
    }

    @Test func refusedOnesAreRenewedOnce() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        let first = try session.credentials()
        // What has just come is all there is.
        session.refuse(first)
        #expect(try key(session) == "KEY1")
        fake.unixSeconds += 60
        session.refuse(first)
        #expect(try key(session) == "KEY2")
        // Somebody else had them still.
        fake.unixSeconds += 60
        session.refuse(first)
        #expect(try key(session) == "KEY2" && fake.requests.count == 2)
    }

    /// One that is slow holds up nobody who can go on with what there is.
    @Test func aSlowRenewalHoldsUpNobody() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        _ = try key(session)
        let gate = DispatchSemaphore(value: 0)
        fake.service = { [unowned fake] _ in
            gate.wait()
            return ok(tokenAnswer(key: "LATE", until: fake.unixSeconds + 3_600))
        }
        fake.unixSeconds += 2_800
        for _ in 0..<100 { #expect(try key(session) == "KEY1") }
        gate.signal()
        #expect(eventually { (try? key(session)) == "LATE" })
        #expect(fake.requests.count == 2)
    }

    @Test func expiryGoesByTheServicesClock() throws {
        let fake = container(life: 3_600)
        let session = fake.session()
        _ = try key(session)
        // Ours is an hour behind: what is left for us is nothing.
        session.clock.learn(serviceUnixSeconds: fake.unixSeconds + 3_600, at: fake.world.now(), wasRefused: false)
        fake.service = { _ in noAnswer }
        #expect(throws: AWSError.self) { try key(session) }
    }
}
