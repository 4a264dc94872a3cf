import HTTP
import Testing

@Suite struct RetryAfterTests {
    /// 1994-11-06T08:49:37Z, the example of RFC 9110.
    private let example: Int64 = 784_111_777

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ]) func threeFormsOfADate(text: String) {
        #expect(parseHTTPDate(text) == example)
        #expect(parseRetryAfter(text, at: example - 90) == .seconds(90))
        #expect(parseRetryAfter(text, at: example + 90) == .zero)
    }

    @Test(
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 946_684_799), ("Sunday, 01-Mar-26 00:00:00 GMT", 1_772_323_200),
        ] as [(String, Int64)]) func dates(text: String, seconds: Int64)
    {
        #expect(parseHTTPDate(text) == seconds)
    }

    @Test func seconds() {
        #expect(parseRetryAfter("0", at: 0) == .zero)
        #expect(parseRetryAfter("120", at: 0) == .seconds(120))
    }

    @Test(arguments: [
        "", " ", "-1", "1.5", "12 s", "soon", "99999999999999999999", "4000000000", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT", "Sun Nov 6 08:49:37",
    ]) func neither(text: String) {
        #expect(parseRetryAfter(text, at: 0) == nil)
    }

    /// Whatever is left of a date, and whatever stands in it: an answer, not a crash.
    @Test func piecesOfDates() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            for count in 0..<text.count { _ = parseRetryAfter(String(text.prefix(count)), at: 0) }
            for index in text.indices {
                for odd in ["9", "é", " ", ":", "-", "\u{0}"] {
                    _ = parseRetryAfter(text.replacingCharacters(at: index, odd), at: 0)
                }
            }
        }
    }
}

extension String {
    fileprivate func replacingCharacters(at index: Index, _ text: String) -> String {
        self[..<index] + text + self[self.index(after: index)...]
    }
}
