// Retry-After: `120`, or a date. See RFC 9110, sections 10.2.3 (the field) and 5.6.7 (three forms of a date).
//
//     Sun, 06 Nov 1994 08:49:37 GMT      the form that is sent today
//     Sunday, 06-Nov-94 08:49:37 GMT     RFC 850
//     Sun Nov  6 08:49:37 1994           asctime

internal import Bytes

/// How long the sender is asked to wait, from `unixSeconds` (since 1970) on; nil for what is neither a number nor a
/// date. A date that has passed is zero.
package func parseRetryAfter(_ text: String, at unixSeconds: Int64) -> Duration? {
    var cursor = ByteCursor(text)
    if let seconds = cursor.unsigned() {
        // More than a century is not a number of seconds that anybody meant.
        guard cursor.isAtEnd, seconds <= 100 * 366 * 86_400 else { return nil }
        return .seconds(Int64(seconds))
    }
    guard let date = parseHTTPDate(text) else { return nil }
    return .seconds(max(0, date - unixSeconds))
}

/// Seconds since 1970; nil for what is no date in any of the three forms.
package func parseHTTPDate(_ text: String) -> Int64? {
    // All three are words between spaces, commas and hyphens, but for the clock.
    var words = text.split { $0 == " " || $0 == "," || $0 == "-" }
    guard words.count >= 5 else { return nil }
    words.removeFirst()  // the day of the week says nothing new
    let isASCTime = words[0].first?.isLetter == true
    let (day, month, clock, year) =
        isASCTime ? (words[1], words[0], words[2], words[3]) : (words[0], words[1], words[3], words[2])
    guard words.count == (isASCTime ? 4 : 5), isASCTime || words[4] == "GMT" else { return nil }

    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let parts = clock.split(separator: ":").map { Int($0) ?? -1 }
    guard let day = Int(day), (1...31).contains(day), let month = months.firstIndex(of: String(month)),
        var year = Int(year), (0...9999).contains(year), parts.count == 3, (0...23).contains(parts[0]),
        (0...59).contains(parts[1]), (0...60).contains(parts[2])
    else { return nil }
    // Two digits are of the RFC 850 form: those since 1970 are meant.
    if year < 100 { year += year < 70 ? 2000 : 1900 }
    let days = daysSince1970(year: year, month: month + 1, day: day)
    return Int64(days * 86_400 + parts[0] * 3_600 + parts[1] * 60 + parts[2])
}

/// The inverse of `CivilTime(unixSeconds:)`, for the day alone: years begin in March, an era is 400 of them.
private func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}
