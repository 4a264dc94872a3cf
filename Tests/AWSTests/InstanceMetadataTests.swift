import Dispatch
import Foundation
import HTTP
import Platform
import Synchronization
import TestSupport
import Testing

@testable import AWS

@Suite struct InstanceMetadataTests {
    private let document = """
        {"accountId":"123456789012","availabilityZone":"eu-west-1a","imageId":"ami-1","instanceId":"i-1",
         "instanceType":"t3.micro","region":"eu-west-1","privateIp":"10.0.0.1"}
        """

    private func values(_ metadata: InstanceMetadata) -> [String?] {
        InstanceMetadata.Item.allCases.map { metadata.value($0) }
    }

    @Test func nothingIsWaitedFor() throws {
        let fake = FakeWorld()
        let gate = DispatchSemaphore(value: 0)
        let document = document
        fake.service = { request in
            gate.wait()
            return request.url.hasSuffix("/document") ? ok(document) : ok("tok")
        }
        let metadata = fake.session().metadata
        #expect(fake.requests.isEmpty)
        for _ in 0..<100 { #expect(values(metadata) == [nil, nil, nil, nil, nil, nil]) }
        gate.signal()
        gate.signal()
        #expect(eventually { metadata.value(.instanceID) == "i-1" })
        #expect(values(metadata) == ["i-1", "t3.micro", "eu-west-1a", "eu-west-1", "123456789012", "ami-1"])
        #expect(fake.requests.count == 2)
    }

    /// As moto's, and some clouds that are like EC2.
    @Test func withoutADocument() {
        let fake = FakeWorld()
        fake.service = { request in
            if request.method == "PUT" { return ok("tok") }
            if request.url.hasSuffix("/meta-data/instance-id") { return ok("i-2") }
            if request.url.hasSuffix("/meta-data/placement/region") { return ok("us-east-1") }
            if request.url.hasSuffix("/meta-data/instance-type") { return ok("<html>a page</html>") }
            return status(404)
        }
        let metadata = fake.session().metadata
        #expect(eventually { metadata.value(.instanceID) == "i-2" })
        #expect(values(metadata) == ["i-2", nil, nil, "us-east-1", nil, nil])
    }

    /// The network may come up later; a host that is no instance is asked ever more seldom.
    @Test func askedAgainWithPauses() {
        let fake = FakeWorld()
        fake.service = { _ in noAnswer }
        let metadata = fake.session().metadata
        #expect(metadata.value(.region) == nil)
        var pause: Int64 = 10
        var asked = 2
        for _ in 0..<10 {
            // Asked, and what came of it noted: the pause counts from then.
            #expect(eventually { !metadata.isAsking })
            #expect(fake.requests.count == asked)
            fake.unixSeconds += pause - 1
            #expect(metadata.value(.region) == nil && !metadata.isAsking)
            fake.unixSeconds += 1
            #expect(metadata.value(.region) == nil)
            asked += 2
            pause = min(pause * 2, 3_600)
        }
        #expect(eventually { !metadata.isAsking && fake.requests.count == asked })
        for _ in 0..<100 { #expect(metadata.value(.region) == nil) }
        #expect(fake.requests.count == asked)
    }

    /// Who waits has it as soon as it is there, also when the network comes up meanwhile.
    @Test func isWaitedFor() {
        let fake = FakeWorld()
        let document = document
        let count = Mutex(0)
        fake.service = { request in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number <= 6 { return noAnswer }
            return request.url.hasSuffix("/document") ? ok(document) : ok("tok")
        }
        let metadata = fake.session().metadata
        let isDone = Mutex(false)
        let start = ContinuousClock.now
        Thread {
            metadata.wait(for: ["account_id", "hostname"], atMost: .seconds(600))
            isDone.withLock { $0 = true }
        }.start()
        #expect(
            eventually {
                fake.unixSeconds += 1  // the clock of the pauses
                return isDone.withLock { $0 }
            })
        #expect(metadata.value(.accountID) == "123456789012" && ContinuousClock.now - start < .seconds(500))
    }

    @Test func isWaitedForNoLongerThanThat() {
        let fake = FakeWorld()
        fake.service = { _ in noAnswer }
        let metadata = fake.session().metadata
        var start = ContinuousClock.now
        metadata.wait(for: ["region"], atMost: .milliseconds(100))
        #expect(ContinuousClock.now - start >= .milliseconds(100))
        // Nobody waits for what nobody asks.
        fake.variables["AWS_EC2_METADATA_DISABLED"] = "true"
        let off = fake.session().metadata
        start = ContinuousClock.now
        off.wait(for: ["region"], atMost: .seconds(60))
        off.wait(for: ["hostname"], atMost: .seconds(60))
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    /// An answer that was cut off is no reason never to ask again.
    @Test func whatIsNotWholeIsAskedForAgain() {
        let fake = FakeWorld()
        let document = document
        let isCut = Mutex(true)
        fake.service = { request in
            if request.method == "PUT" { return ok("tok") }
            if request.url.hasSuffix("/meta-data/instance-id") { return ok("i-1") }
            guard request.url.hasSuffix("/document") else { return status(404) }
            return isCut.withLock { $0 } ? ok(String(document.prefix(40))) : ok(document)
        }
        let metadata = fake.session().metadata
        #expect(eventually { metadata.value(.instanceID) == "i-1" })
        #expect(eventually { !metadata.isAsking } && metadata.value(.accountID) == nil)
        isCut.withLock { $0 = false }
        fake.unixSeconds += 10
        #expect(eventually { metadata.value(.accountID) == "123456789012" })
    }

    @Test func turnedOff() {
        let fake = FakeWorld(["AWS_EC2_METADATA_DISABLED": "true"])
        let metadata = fake.session().metadata
        for _ in 0..<100 { #expect(metadata.value(.region) == nil) }
        #expect(fake.requests.isEmpty)
    }
}
