import AWS
import Dispatch
import Foundation
import HTTP
import Platform
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
        fake.unixSeconds += 600
        #expect(eventually { (try? key(session)) == "A2" })
        // A file that is gone for a moment takes nothing away.
        fake.files["/f"] = nil
        fake.unixSeconds += 600
        #expect(try key(session) == "A2")
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
