import AWS
import HTTP
import Testing

@testable import Outputs

@Suite struct CloudWatchAnswerTests {
    /// A row for each row of the table of errors, as the service answers them.
    @Test(
        arguments: [
            (400, "ResourceNotFoundException", .missing(reason: "ResourceNotFoundException: m")),
            (400, "ResourceAlreadyExistsException", .exists), (400, "DataAlreadyAcceptedException", .accepted),
            (
                400, "InvalidSequenceTokenException",
                .failed(.retry(after: nil, reason: "InvalidSequenceTokenException: m"))
            ),
            (400, "ThrottlingException", .failed(.retry(after: nil, reason: "ThrottlingException: m"))),
            (503, "ServiceUnavailableException", .failed(.retry(after: nil, reason: "ServiceUnavailableException: m"))),
            (500, "InternalFailure", .failed(.retry(after: nil, reason: "InternalFailure: m"))),
            (500, "", .failed(.retry(after: nil, reason: "HTTP 500: m"))),
            (502, "", .failed(.retry(after: nil, reason: "HTTP 502: m"))),
            (504, "", .failed(.retry(after: nil, reason: "HTTP 504: m"))),
            (408, "", .failed(.retry(after: nil, reason: "HTTP 408: m"))),
            (429, "TooManyRequestsException", .failed(.retry(after: nil, reason: "TooManyRequestsException: m"))),
            (400, "LimitExceededException", .failed(.retry(after: nil, reason: "LimitExceededException: m"))),
            (400, "OperationAbortedException", .failed(.retry(after: nil, reason: "OperationAbortedException: m"))),
            (400, "ExpiredTokenException", .failed(.retry(after: nil, reason: "ExpiredTokenException: m"))),
            (400, "RequestExpired", .failed(.retry(after: nil, reason: "RequestExpired: m"))),
            (
                400, "UnrecognizedClientException",
                .failed(.notAllowed(reason: "UnrecognizedClientException: m"))
            ),
            (403, "InvalidClientTokenId", .failed(.notAllowed(reason: "InvalidClientTokenId: m"))),
            (400, "InvalidSignatureException", .failed(.notAllowed(reason: "InvalidSignatureException: m"))),
            (403, "SignatureDoesNotMatch", .failed(.notAllowed(reason: "SignatureDoesNotMatch: m"))),
            (400, "AccessDeniedException", .failed(.notAllowed(reason: "AccessDeniedException: m"))),
            (403, "", .failed(.notAllowed(reason: "HTTP 403: m"))),
            (401, "", .failed(.notAllowed(reason: "HTTP 401: m"))),
            (400, "InvalidParameterException", .failed(.rejected(reason: "InvalidParameterException: m"))),
            (400, "SerializationException", .failed(.rejected(reason: "SerializationException: m"))),
            (413, "", .failed(.tooLarge(reason: "HTTP 413: m"))),
            // Nobody has told us of it: it may pass, and the log keeps what it has.
            (400, "NewException", .failed(.retry(after: nil, reason: "NewException: m"))),
            (301, "", .failed(.retry(after: nil, reason: "HTTP 301: m"))),
        ] as [(Int, String, CloudWatchVerdict)])
    func everyRowOfTheTable(status: Int, code: String, verdict: CloudWatchVerdict) throws {
        let body =
            code.isEmpty ? "{\"message\":\"m\"}" : "{\"__type\":\"com.amazonaws.logs#\(code)\",\"message\":\"m\"}"
        let error = try #require(awsError(for: HTTPResponse(status: status, body: body)))
        #expect(CloudWatchVerdict(error) == verdict)
    }

    @Test func noAnswerIsTriedAgain() {
        #expect(
            CloudWatchVerdict(AWSError(.noAnswer, "connection refused"))
                == .failed(.retry(after: nil, reason: "connection refused")))
    }

    @Test func whenToTryAgainIsPassedOn() throws {
        let error = try #require(awsError(for: HTTPResponse(status: 503, retryAfter: .seconds(7))))
        #expect(CloudWatchVerdict(error) == .failed(.retry(after: .seconds(7), reason: "HTTP 503")))
    }

    /// Nothing that is wrong with a group puts a record aside.
    @Test func whatFailsInMakingAGroupIsNoRecordsFault() {
        for kind in AWSError.Kind.allCases {
            switch CloudWatchVerdict(AWSError(kind, "m", code: "C")).ofMaking("CreateLogGroup /a") {
            case .rejected, .tooLarge, .tooSlow, .goesElsewhere: Issue.record("\(kind)")
            case .retry(_, let reason), .notAllowed(let reason): #expect(reason.hasPrefix("CreateLogGroup /a: "))
            }
        }
    }

    private func dropped(_ info: String, count: Int = 10) -> [DroppedEvents] {
        droppedEvents(in: "{\"nextSequenceToken\":\"1\",\"rejectedLogEventsInfo\":{\(info)}}", count: count)
    }

    /// Ends are exclusive, the start of what is too new is inclusive.
    @Test func eventsThatWereDropped() {
        #expect(dropped("") == [])
        #expect(dropped(#""tooOldLogEventEndIndex":3"#) == [DroppedEvents(reason: .tooOld, range: 0..<3)])
        #expect(dropped(#""expiredLogEventEndIndex":3"#) == [DroppedEvents(reason: .expired, range: 0..<3)])
        #expect(dropped(#""tooNewLogEventStartIndex":3"#) == [DroppedEvents(reason: .tooNew, range: 3..<10)])
        #expect(
            dropped(#""tooOldLogEventEndIndex":2,"expiredLogEventEndIndex":4,"tooNewLogEventStartIndex":9"#) == [
                DroppedEvents(reason: .tooOld, range: 0..<2), DroppedEvents(reason: .expired, range: 2..<4),
                DroppedEvents(reason: .tooNew, range: 9..<10),
            ])
        #expect(dropped(#""tooOldLogEventEndIndex":0,"tooNewLogEventStartIndex":10"#) == [])
    }

    @Test(arguments: [
        "", "<html>", "null", "{}", #"{"rejectedLogEventsInfo":null}"#,
        #"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":-1,"tooNewLogEventStartIndex":"x"}}"#,
    ])
    func anAnswerThatSaysNothing(answer: String) { #expect(droppedEvents(in: answer, count: 10) == []) }

    /// Indexes beyond the request, or that overlap, count nothing twice.
    @Test func indexesThatMakeNoSense() {
        #expect(dropped(#""tooOldLogEventEndIndex":99"#) == [DroppedEvents(reason: .tooOld, range: 0..<10)])
        #expect(
            dropped(#""tooOldLogEventEndIndex":8,"expiredLogEventEndIndex":4,"tooNewLogEventStartIndex":2"#) == [
                DroppedEvents(reason: .tooOld, range: 0..<8), DroppedEvents(reason: .tooNew, range: 8..<10),
            ])
    }
}
