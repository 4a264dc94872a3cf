// What an answer of CloudWatch Logs means. Pure.
//
// Errors are JSON: `{"__type":"com.amazonaws.logs#ThrottlingException","message":"Rate exceeded"}`. See
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html#API_PutLogEvents_Errors and
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html

internal import Bytes

/// What to do after an answer.
enum CloudWatchVerdict: Equatable {
    case accepted
    /// The group or the stream is not there.
    case missing(reason: String)
    /// It is there already, which is what was wanted.
    case exists
    /// The key was not taken: another may be, or a clock that is set right.
    case credentials(reason: String)
    case failed(DeliveryError)
}

/// - Parameters:
///   - code: The name of the error without namespace; empty when the answer has none, as from a proxy.
///   - retryAfter: What the answer asks for.
func cloudWatchVerdict(
    status: Int, code: String, message: String, retryAfter: Duration? = nil
) -> CloudWatchVerdict {
    if (200..<300).contains(status) { return .accepted }
    let name = code.isEmpty ? "HTTP \(status)" : code
    let reason = message.isEmpty ? name : "\(name): \(message)"
    switch code {
    case "ResourceNotFoundException": return .missing(reason: reason)
    case "ResourceAlreadyExistsException": return .exists
    // Of a time when the service told repetitions by a token: it has the events.
    case "DataAlreadyAcceptedException": return .accepted
    case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId",
        "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed",
        "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
        "MissingAuthenticationTokenException":
        return .credentials(reason: reason)
    case "AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired":
        return .failed(.notAllowed(reason: reason))
    // One of the events, or the request as we wrote it: halving finds out which.
    case "InvalidParameterException", "ValidationException", "ValidationError", "SerializationException":
        return .failed(.rejected(reason: reason))
    default: break
    }
    switch status {
    case 413: return .failed(.tooLarge(reason: reason))
    case 401, 403: return .failed(.notAllowed(reason: reason))
    // Throttling, limits, the service's own trouble, and what nobody has told us of: no record is at fault.
    default: return .failed(.retry(after: retryAfter, reason: reason))
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
