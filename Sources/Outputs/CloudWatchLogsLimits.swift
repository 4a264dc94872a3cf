// What CloudWatch Logs takes, each limit under the page that states it.

internal import Bytes

enum CloudWatchLimits {
    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html

    /// Of all events of a request: their messages in UTF-8, and `eventOverheadBytes` for each.
    static let batchBytes = 1_048_576
    static let eventOverheadBytes = 26
    static let batchEvents = 10_000
    /// From the first to the last event of a request.
    static let spanMilliseconds: Int64 = 24 * 3_600 * 1_000
    /// One event may fill a request.
    static let messageBytes = batchBytes - eventOverheadBytes

    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html

    /// Characters of the name of a group, and of a stream.
    static let nameLength = 512
    /// The service keeps groups of this name for its own.
    static let reservedPrefix = "aws/"
    static let tags = 50
    static let tagNameLength = 128
    static let tagValueLength = 256
    static let reservedTagPrefix = "aws:"
    static let keyLength = 256

    // https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html

    static let retentionDays = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653,
    ]
}

/// The names of groups and streams, whose letters differ.
enum CloudWatchName {
    case group, stream

    /// What stands for a letter that the name may not have.
    static let substitute: Character = "_"
    /// What stands for a name of no letters.
    static let empty = "unknown"

    func allows(_ letter: Character) -> Bool {
        switch self {
        case .group: letter.isASCII && (letter.isLetter || letter.isNumber || "._-/#".contains(letter))
        // The service looks at the scalars: with an accent on it, a colon is one still.
        case .stream: !letter.unicodeScalars.contains { $0 == ":" || $0 == "*" }
        }
    }

    /// The name as the service takes it; itself when it does.
    func mended(_ name: String) -> String {
        var mended = String(name.map { allows($0) ? $0 : Self.substitute })
        if self == .group, mended.hasPrefix(CloudWatchLimits.reservedPrefix) { mended = "\(Self.substitute)\(mended)" }
        // The service counts characters, of which one of ours may be several.
        if mended.unicodeScalars.count > CloudWatchLimits.nameLength {
            var cut = String.UnicodeScalarView()
            cut.append(contentsOf: mended.unicodeScalars.prefix(CloudWatchLimits.nameLength))
            mended = String(cut)
        }
        return mended.isEmpty ? Self.empty : mended
    }
}
