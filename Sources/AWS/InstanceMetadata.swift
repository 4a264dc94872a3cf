// What the instance says of itself, for names of log groups and streams. Asking returns at once, and what is not there
// is nil; who needs it for a first batch may wait for it, for a short time.
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

        /// Whether a text has the outline of such a value. A proxy that answers everything with "OK", or with its own
        /// page, is no instance; nor is "nova" the name of one.
        fileprivate func takes(_ text: String) -> Bool {
            guard isKeyText(text), text.utf8.count <= Self.valueLimit, text.utf8.first != UInt8(ascii: "<") else {
                return false
            }
            return switch self {
            case .instanceID: text.hasPrefix("i-") || text.hasPrefix("mi-")
            case .instanceType: text.contains(".")
            case .availabilityZone: text.contains("-")
            case .region: isRegion(text)
            case .accountID: text.utf8.count == 12 && text.utf8.allSatisfy(\.isDigit)
            case .imageID: text.hasPrefix("ami-")
            }
        }

        /// Bytes; the longest that is known has 21.
        private static let valueLimit = 128
    }

    private struct State {
        var values: [Item: String] = [:]
        var isAsking = false
        /// How many wait for an answer.
        var waitingCount = 0
        /// Nil when there is nothing more to ask.
        var nextTry: Instant? = Instant(nanoseconds: 0)
        var pause = InstanceMetadata.firstPause
    }

    /// A host that is no instance is asked again and again: it may only be that its network is not up yet.
    private static let firstPause: Duration = .seconds(10)
    private static let longestPause: Duration = .seconds(3_600)
    /// While somebody waits: at the boot the network comes up in these seconds.
    private static let waitingPause: Duration = .milliseconds(200)
    private static let waitingStep: Duration = .milliseconds(10)

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

    /// Blocks until all of `names` are known, or nothing more can be learnt, or for so long. What is not known is asked
    /// for at once, whatever pause there was to be.
    package func wait(for names: [String], atMost limit: Duration) {
        let items = names.compactMap { Item(rawValue: $0) }
        guard !items.isEmpty else { return }
        let deadline = Instant.now + limit
        let now = world.now().monotonic
        state.withLock { state in
            state.waitingCount += 1
            if let next = state.nextTry { state.nextTry = min(next, now) }
        }
        defer { state.withLock { $0.waitingCount -= 1 } }
        while true {
            let isKnown = items.allSatisfy { value($0) != nil }
            let isOver = state.withLock { $0.nextTry == nil && !$0.isAsking }
            if isKnown || isOver || Instant.now >= deadline { return }
            sleep(until: .now + Self.waitingStep)
        }
    }

    /// A look is under way.
    var isAsking: Bool { state.withLock { $0.isAsking } }

    private func ask(_ fetcher: CredentialFetcher) {
        var values: [Item: String] = [:]
        var fault: AWSError?
        do throws(AWSError) { try read(fetcher, &values) } catch { fault = error }
        let now = world.now().monotonic
        let isWaitedFor = state.withLock { state in
            // What was learnt before it failed is as good.
            state.values.merge(values) { _, new in new }
            state.isAsking = false
            if fault == nil {
                state.nextTry = nil
            } else if state.waitingCount > 0 {
                state.nextTry = now + Self.waitingPause
            } else {
                state.nextTry = now + state.pause
                state.pause = min(state.pause * 2, Self.longestPause)
            }
            return state.waitingCount > 0
        }
        // While somebody waits it would be said five times a second.
        if let fault, !isWaitedFor { log.info("no instance metadata yet", ["reason": fault.description]) }
    }

    /// - Throws: When some may be learnt another time; `values` has what was learnt until then.
    private func read(_ fetcher: CredentialFetcher, _ values: inout [Item: String]) throws(AWSError) {
        var service = try InstanceService(fetcher)
        var isWhole = true
        if let text = try service.get("dynamic/instance-identity/document") {
            let document = parsedJSON(Array(text.utf8))
            // Cut off, or a page of somebody else.
            if document == nil { isWhole = false }
            for item in Item.allCases {
                values[item] = (document?[item.member]?.string).flatMap { item.takes($0) ? $0 : nil }
            }
        }
        for item in Item.allCases where values[item] == nil {
            guard let path = item.path, let text = try service.get("meta-data/\(path)") else { continue }
            if item.takes(text) { values[item] = text } else { isWhole = false }
        }
        guard !values.isEmpty else { throw fetcher.failed("\(InstanceService.place): what answers there says nothing") }
        guard isWhole else { throw fetcher.failed("\(InstanceService.place) is not whole") }
    }
}
