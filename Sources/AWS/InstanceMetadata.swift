// What the instance says of itself, for names of log groups and streams. Never waited for: what is not there is nil.
//
// See https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html

internal import Bytes
package import Platform
internal import Synchronization

package final class InstanceMetadata: Sendable {
    /// As they are called in templates.
    package enum Item: String, Sendable, CaseIterable {
        case instanceID = "instance_id"
        case instanceType = "instance_type"
        case availabilityZone = "availability_zone"
        case region
        case accountID = "account_id"
        case imageID = "image_id"

        /// In the identity document.
        fileprivate var member: String {
            switch self {
            case .instanceID: "instanceId"
            case .instanceType: "instanceType"
            case .availabilityZone: "availabilityZone"
            case .region: "region"
            case .accountID: "accountId"
            case .imageID: "imageId"
            }
        }

        /// Where it stands alone; the account does not.
        fileprivate var path: String? {
            switch self {
            case .instanceID: "instance-id"
            case .instanceType: "instance-type"
            case .availabilityZone: "placement/availability-zone"
            case .region: "placement/region"
            case .accountID: nil
            case .imageID: "ami-id"
            }
        }
    }

    private struct State {
        var values: [Item: String] = [:]
        var isAsking = false
        /// Nil when there is nothing more to ask.
        var nextTry: Instant? = Instant(nanoseconds: 0)
        var pause = InstanceMetadata.firstPause
    }

    /// A host that is no instance is asked again and again: it may only be that its network is not up yet.
    private static let firstPause: Duration = .seconds(10)
    private static let longestPause: Duration = .seconds(3_600)

    /// The host's own, for whoever has no session.
    package static let shared = InstanceMetadata(AWSClientSettings(), log: .silent)

    private let state = Mutex(State())
    private let worker: Worker<CredentialFetcher>
    private let world: AWSWorld
    private let log: AgentLog

    package init(_ settings: AWSClientSettings, log: AgentLog, world: AWSWorld = .live) {
        worker = Worker(
            "instance metadata", CredentialFetcher(settings: settings, clock: ServiceClock(), world: world))
        self.world = world
        self.log = log
        if world.flag("AWS_EC2_METADATA_DISABLED") { state.withLock { $0.nextTry = nil } }
    }

    /// By the name that templates have for it.
    package func value(named name: String) -> String? { Item(rawValue: name).flatMap(value) }

    /// Returns at once. The first that asks has it looked up beside.
    package func value(_ item: Item) -> String? {
        let (value, mustAsk) = state.withLock { state -> (String?, Bool) in
            if let value = state.values[item] { return (value, false) }
            guard let nextTry = state.nextTry, !state.isAsking, world.now().monotonic >= nextTry else {
                return (nil, false)
            }
            state.isAsking = true
            return (nil, true)
        }
        if mustAsk { worker.run { [self] fetcher in ask(fetcher) } }
        return value
    }

    /// A look is under way.
    var isAsking: Bool { state.withLock { $0.isAsking } }

    private func ask(_ fetcher: CredentialFetcher) {
        do throws(AWSError) {
            let values = try read(fetcher)
            state.withLock { state in
                state.values = values
                (state.isAsking, state.nextTry) = (false, nil)
            }
        } catch {
            let now = world.now().monotonic
            state.withLock { state in
                (state.isAsking, state.nextTry) = (false, now + state.pause)
                state.pause = min(state.pause * 2, Self.longestPause)
            }
            log.info("no instance metadata yet", ["reason": error.description])
        }
    }

    private func read(_ fetcher: CredentialFetcher) throws(AWSError) -> [Item: String] {
        var service = try InstanceService(fetcher)
        var values: [Item: String] = [:]
        if let text = try service.get("dynamic/instance-identity/document"),
            let document = parsedJSON(Array(text.utf8))
        {
            for item in Item.allCases { values[item] = document[item.member]?.string.flatMap(asValue) }
        }
        for item in Item.allCases where values[item] == nil {
            guard let path = item.path else { continue }
            values[item] = try service.get("meta-data/\(path)").flatMap(asValue)
        }
        guard !values.isEmpty else { throw fetcher.failed("\(InstanceService.place) is empty") }
        return values
    }

    /// Nil for what is no word: a page of a proxy that answers for everything.
    private func asValue(_ text: String) -> String? {
        isKeyText(text) && text.utf8.count <= Self.valueLimit && text.utf8.first != UInt8(ascii: "<") ? text : nil
    }

    /// Bytes; the longest that is known has 21.
    private static let valueLimit = 128
}
