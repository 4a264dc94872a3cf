// Records to CloudWatch Logs, by PutLogEvents. Groups and streams are made when the service misses them. See
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
//
// What travels together is decided in CloudWatchLogsDivision.swift, what an answer means in CloudWatchLogsAnswer.swift.

internal import AWS
internal import Bytes
internal import HTTP
internal import Logs
internal import Platform
package import Settings
internal import Synchronization

package struct CloudWatchLogsOutput {
    package static var type: String { "cloudwatch_logs" }

    /// Only the document itself makes metrics.
    package static let enclosesClaims = false
    package static var dropReasons: [String] { DroppedEvents.Reason.allCases.map(\.rawValue) }

    /// A whole batch is one request, with 26 bytes for each of its events. The service counts requests, and throttles;
    /// nobody looks there sooner than after some seconds.
    package static var batchDefaults: BatchDefaults {
        BatchDefaults(bytes: 768 << 10, age: .seconds(5), spacing: .seconds(1), haveLanes: true)
    }

    /// A place that a document has named and that takes nothing costs a request so often.
    private static let refusedPause: Duration = .seconds(60)
    /// As long as it is said once in that time; documents may name as many as they like.
    private static let refusedLimit = 1_024

    /// What all lanes of a route have in common.
    private struct Setup: Sendable {
        let settings: CloudWatchSettings
        let json: RecordJSON
        let log: AgentLog
        let outputPath: String
        let inputName: String
        let session: AWSSession
        let retention = Retention()
        let times: TimeCorrections
    }

    /// When the retention of a group is to be set next; never again when it was.
    private final class Retention: Sendable {
        private let due = Mutex<[String: Instant]>([:])

        /// Whether it is due: then it is whoever asks that sets it, and tells how that went.
        func take(_ group: String) -> Bool {
            due.withLock { due in
                guard due[group, default: .now] <= .now else { return false }
                if due.count >= limit { due.removeAll() }
                due[group] = .now + pause
                return true
            }
        }

        func noteSet(_ group: String) { due.withLock { $0[group] = Instant(nanoseconds: .max) } }
        func forget(_ group: String) { due.withLock { $0[group] = nil } }

        /// Groups that are remembered. Beyond it all are forgotten, and set once more as they come.
        private let limit = 1_024
        /// After a failure: nobody waits for it, and somebody may have to allow it first.
        private let pause: Duration = .seconds(600)
    }

    private let setup: Setup
    private var client: AWSClient
    package var resendCount: Int { client.resendCount }
    /// Places that documents have named and that take nothing, and when they are tried again.
    private var refusedPlaces: [Destination: Instant] = [:]
    /// Of the last request: whoever signs it may not do this there, or what is missing is not made.
    private var isRefusedThere = false

    /// `open` makes the session; it connects to nothing.
    init(
        _ section: inout SettingsSection, _ context: OutputContext, instanceID: String?,
        open: (AWSClientSettings, AgentLog) -> AWSSession
    ) throws(SettingsError) {
        var values = TemplateValues(context, instanceID: instanceID)
        let client = try AWSClientSettings(&section)
        let session = open(client, context.log)
        values.host.lookUp = { [metadata = session.metadata] in metadata.value(named: $0) }
        values.host.wait = { [metadata = session.metadata] in metadata.wait(for: $0, atMost: $1) }
        setup = Setup(
            settings: try CloudWatchSettings(&section, values),
            json: RecordJSON(context, enclosesClaims: Self.enclosesClaims), log: context.log,
            outputPath: section.path, inputName: context.inputName, session: session,
            times: TimeCorrections { [clock = session.clock] in clock.correction })
        do throws(AWSError) { self.client = try Self.client(setup) } catch { throw section.error(error.message) }
    }

    private init(_ setup: Setup) throws(AWSError) {
        self.setup = setup
        client = try Self.client(setup)
    }

    private static func client(_ setup: Setup) throws(AWSError) -> AWSClient {
        try AWSClient(.logs, session: setup.session, options: setup.settings.httpOptions(setup.session))
    }

    /// Nil when there is no memory for another: then there are fewer deliveries at once.
    package func forAnotherLane() -> sending Self? {
        do throws(AWSError) { return try Self(setup) } catch { return nil }
    }

    private var settings: CloudWatchSettings { setup.settings }
    private var log: AgentLog { setup.log }
    private var outputPath: String { setup.outputPath }
    private var inputName: String { setup.inputName }

    package func makeEncoder() -> any RecordEncoder {
        // Else all that comes before the instance has answered is in a group of its own.
        settings.group.lookAhead()
        settings.stream.lookAhead()
        let places = CloudWatchPlaces(group: settings.group, stream: settings.stream) { [setup] from, to in
            setup.log.warning(
                "a name that CloudWatch Logs does not take is mended",
                ["output": setup.outputPath, "input": setup.inputName, "name": from, "becomes": to])
        }
        return CloudWatchEncoder(
            settings.format, setup.json, places, compressionLevel: settings.compressionLevel, times: setup.times)
    }

    package mutating func deliver(
        _ body: [UInt8], recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        guard let other = destination.other else { return try deliver(body, recordCount, to: destination) }
        let (group, stream) = (destination.names[0], destination.names[1])
        if let until = refusedPlaces[destination], until > .now {
            throw .goesElsewhere(reason: "\(group), \(stream) took nothing a moment ago")
        }
        refusedPlaces[destination] = nil
        isRefusedThere = false
        do throws(DeliveryError) { return try deliver(body, recordCount, to: destination) } catch {
            guard isRefusedThere else { throw error }
            if refusedPlaces.count >= Self.refusedLimit { refusedPlaces.removeAll() }
            refusedPlaces[destination] = .now + Self.refusedPause
            log.error(
                "where documents want to go takes nothing: they go to the group and stream of the settings",
                [
                    "output": outputPath, "input": inputName, "group": group, "stream": stream,
                    "instead": other.names.joined(separator: ", "), "reason": error.reason,
                ])
            throw .goesElsewhere(reason: error.reason)
        }
    }

    private mutating func deliver(
        _ body: [UInt8], _ recordCount: Int, to destination: Destination
    ) throws(DeliveryError) -> DeliveryOutcome {
        let (group, stream) = (destination.names[0], destination.names[1])
        var put = try put(body, destination)
        if case .missing(let reason) = put {
            guard settings.creates else {
                isRefusedThere = true
                throw .retry(after: nil, reason: "\(reason) (\(group), \(stream)); \"create\" is false")
            }
            try make(group, stream)
            put = try self.put(body, destination)
        }
        switch put {
        // The service does not know everywhere yet what it has just made.
        case .missing(let reason): throw .retry(after: nil, reason: reason)
        case .taken(let answer):
            if settings.retentionDays != nil { keepRetention(of: group) }
            return outcome(of: answer, count: recordCount, destination)
        }
    }

    private enum Put {
        /// With this answer.
        case taken(String)
        case missing(reason: String)
    }

    private mutating func put(_ body: [UInt8], _ destination: Destination) throws(DeliveryError) -> Put {
        let encoding = settings.compressionLevel == nil ? [] : [(name: "Content-Encoding", value: "gzip")]
        let request = AWSRequest(target: Self.target("PutLogEvents"), headers: encoding, body: body)
        do throws(AWSError) {
            return .taken(try client.call(request, holdsTimes: true).body)
        } catch {
            isRefusedThere = error.kind == .accessDenied && !error.code.isEmpty
            switch CloudWatchVerdict(error) {
            case .accepted: return .taken("")
            case .missing(let reason): return .missing(reason: reason)
            case .exists: throw .retry(after: nil, reason: error.description)
            // The service does not always say where.
            case .failed(.notAllowed(let reason)):
                throw .notAllowed(reason: "\(reason) (\(destination.names.joined(separator: ", ")))")
            case .failed(let failure): throw failure
            }
        }
    }

    private static func target(_ operation: String) -> String { "Logs_20140328.\(operation)" }

    /// Events that were taken and dropped are lost: the service takes them neither now nor later.
    private func outcome(of answer: String, count: Int, _ destination: Destination) -> DeliveryOutcome {
        let dropped = droppedEvents(in: answer, count: count)
        guard !dropped.isEmpty else { return .accepted }
        for events in dropped {
            log.warning(
                "CloudWatch Logs has dropped events for their time",
                [
                    "output": outputPath, "input": inputName, "reason": events.reason.rawValue,
                    "group": destination.names[0], "stream": destination.names[1],
                ])
        }
        return .partly(
            dropped.flatMap { events in
                events.range.map { RefusedRecord(index: $0, reason: events.reason.rawValue, fate: .lost) }
            })
    }

    // MARK: Groups and streams

    /// Makes the stream, and the group when it is the group that is missing. What somebody else has made meanwhile is
    /// as good.
    private mutating func make(_ group: String, _ stream: String) throws(DeliveryError) {
        if try makeStream(group, stream) { return }
        try makeGroup(group)
        guard try makeStream(group, stream) else {
            throw .retry(after: nil, reason: "CreateLogStream: the group \(group) is not there yet")
        }
    }

    /// False when there is no such group.
    private mutating func makeStream(_ group: String, _ stream: String) throws(DeliveryError) -> Bool {
        let verdict = ask("CreateLogStream") { json in
            json.key("logGroupName")
            json.string(group)
            json.key("logStreamName")
            json.string(stream)
        }
        switch verdict {
        case .accepted, .exists: return true
        case .missing: return false
        case .failed: throw verdict.ofMaking("CreateLogStream \(stream) in \(group)")
        }
    }

    private mutating func makeGroup(_ group: String) throws(DeliveryError) {
        let settings = settings
        let verdict = ask("CreateLogGroup") { json in
            json.key("logGroupName")
            json.string(group)
            if let kind = settings.groupClass {
                json.key("logGroupClass")
                json.string(kind.rawValue)
            }
            if let key = settings.kmsKey {
                json.key("kmsKeyId")
                json.string(key)
            }
            guard !settings.tags.isEmpty else { return }
            json.key("tags")
            json.object { json in
                for (name, value) in settings.tags {
                    json.key(name)
                    json.string(value)
                }
            }
        }
        switch verdict {
        case .accepted:
            log.info("log group made", ["output": outputPath, "group": group])
            // It never had any, whatever was set before somebody removed it.
            setup.retention.forget(group)
        case .exists: break
        case .missing, .failed: throw verdict.ofMaking("CreateLogGroup \(group)")
        }
    }

    /// Once for each group and start. Records do not wait for it: what fails is said, and tried again later.
    private mutating func keepRetention(of group: String) {
        guard let days = settings.retentionDays, setup.retention.take(group) else { return }
        let verdict = ask("PutRetentionPolicy") { json in
            json.key("logGroupName")
            json.string(group)
            json.key("retentionInDays")
            json.number(days)
        }
        if verdict == .accepted {
            setup.retention.noteSet(group)
        } else {
            let error = verdict.ofMaking("PutRetentionPolicy \(group)")
            log.warning("retention cannot be set", ["output": outputPath, "reason": "\(error.reason)"])
        }
    }

    private mutating func ask(
        _ operation: String, _ content: (inout JSONWriter) -> Void
    ) -> CloudWatchVerdict {
        var json = JSONWriter()
        json.object(content)
        do throws(AWSError) {
            _ = try client.call(AWSRequest(target: Self.target(operation), body: json.bytes))
            return .accepted
        } catch {
            isRefusedThere = error.kind == .accessDenied && !error.code.isEmpty
            return CloudWatchVerdict(error)
        }
    }

    // MARK: Check

    package var claims: [OutputClaim] {
        let owner = setup.session.owner
        return settings.claims.map { setting, value in
            OutputClaim(
                key: .init(owner: owner, place: settings.group.outline, setting: setting),
                subject: "log group \(settings.groupText)", value: value)
        }
    }

    package mutating func check() -> CheckReport {
        var report = setup.session.check(.logs)
        report.notes.insert("puts into \(settings.groupText), stream \(settings.streamText)", at: 0)
        return report
    }
}

extension CloudWatchLogsOutput: Output {
    package init(_ section: inout SettingsSection, _ context: OutputContext) throws(SettingsError) {
        try self.init(&section, context, instanceID: hostInstanceID()) { AWSSession.shared(for: $0, log: $1) }
    }
}
