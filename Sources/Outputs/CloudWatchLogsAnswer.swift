// What an answer of CloudWatch Logs means. Pure.
//
// See https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html, "Errors". What kind
// of error a name stands for is told in the module AWS; here is what that means for a request.

internal import AWS
internal import Bytes

/// What to do after an answer that is no good one.
enum CloudWatchVerdict: Equatable {
    /// Done all the same.
    case accepted
    /// The group or the stream is not there.
    case missing(reason: String)
    /// It is there already, which is what was wanted.
    case exists
    case failed(DeliveryError)

    init(_ error: AWSError) {
        let reason = error.description
        // Of a time when the service told repetitions by a token: it has the events.
        if error.code == "DataAlreadyAcceptedException" {
            self = .accepted
            return
        }
        switch error.kind {
        case .notFound: self = .missing(reason: reason)
        case .alreadyExists: self = .exists
        // The client has tried once more with fresh ones.
        case .accessDenied, .badCredentials, .proxyRefused, .notServed: self = .failed(.notAllowed(reason: reason))
        // One of the events, or the request as we wrote it: halving finds out which.
        case .invalidParameter: self = .failed(.rejected(reason: reason))
        case .tooLarge: self = .failed(.tooLarge(reason: reason))
        case .tooSlow: self = .failed(.tooSlow(reason: reason))
        // What nobody has told us of may pass as well, and until then the log keeps what it has.
        case .throttled, .expiredToken, .skewedClock, .limitExceeded, .conflict, .unavailable, .noAnswer,
            .notTheService, .noCredentials, .unusable, .other:
            self = .failed(.retry(after: error.retryAfter, reason: reason))
        }
    }

    /// Of a request that was to make a group or a stream: whatever is wrong with that, no record is at fault.
    func ofMaking(_ what: String) -> DeliveryError {
        switch self {
        case .failed(.notAllowed(let reason)): .notAllowed(reason: "\(what): \(reason)")
        case .failed(.retry(let after, let reason)): .retry(after: after, reason: "\(what): \(reason)")
        case .failed(.tooLarge(let reason)), .failed(.tooSlow(let reason)), .failed(.rejected(let reason)),
            .failed(.goesElsewhere(let reason)), .missing(let reason):
            .retry(after: nil, reason: "\(what): \(reason)")
        case .accepted, .exists: .retry(after: nil, reason: "\(what): is there, and was not found")
        }
    }
}

/// Events that were taken and dropped, by their place in the request.
struct DroppedEvents: Equatable {
    enum Reason: String, CaseIterable {
        /// More than 14 days ago, or before the group was made.
        case tooOld = "too_old"
        /// Before the retention of the group.
        case expired
        /// More than two hours ahead.
        case tooNew = "too_new"
    }
    var reason: Reason
    var range: Range<Int>
}

/// `rejectedLogEventsInfo` of the answer to a request of `count` events; an answer that is none says nothing.
///
/// Ends are exclusive and starts inclusive, by the documentation.
func droppedEvents(in answer: String, count: Int) -> [DroppedEvents] {
    let info = parsed(answer)?["rejectedLogEventsInfo"]
    func index(_ name: String) -> Int? { (info?[name]?.unsigned).map { Int(min($0, UInt64(count))) } }
    let tooOld = index("tooOldLogEventEndIndex") ?? 0
    let expired = max(index("expiredLogEventEndIndex") ?? 0, tooOld)
    let tooNew = max(index("tooNewLogEventStartIndex") ?? count, expired)
    return [
        DroppedEvents(reason: .tooOld, range: 0..<tooOld), DroppedEvents(reason: .expired, range: tooOld..<expired),
        DroppedEvents(reason: .tooNew, range: tooNew..<count),
    ].filter { !$0.range.isEmpty }
}

private func parsed(_ answer: String) -> JSONValue? {
    do throws(JSONError) { return try parseJSON(Array(answer.utf8)) } catch { return nil }
}
