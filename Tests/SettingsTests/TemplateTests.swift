import Testing

@testable import Settings

@Suite struct TemplateTests {
    private let known = ["hostname", "file_name", "file", "field.", "date"]

    private func pieces(_ text: String) throws(TemplateError) -> [Template.Piece] {
        try Template(text, known: known).pieces
    }

    private func variable(_ name: String, _ argument: String? = nil, or fallback: String? = nil) -> Template.Piece {
        .variable(name: name, argument: argument, fallback: fallback)
    }

    @Test func isTakenApart() throws {
        #expect(try pieces("") == [])
        #expect(try pieces("plain $x") == [.text("plain $x")])
        #expect(
            try pieces("/v/{hostname}/{file_name}") == [
                .text("/v/"), variable("hostname"), .text("/"), variable("file_name"),
            ])
        #expect(try pieces("{date:%H:%M}") == [variable("date", "%H:%M")])
        #expect(
            try pieces("{field.a.b}{field.app:-no app}") == [
                variable("field.a.b"), variable("field.app", or: "no app"),
            ])
        #expect(try pieces("{file:-}") == [variable("file", or: "")])
        #expect(
            try pieces("{{hostname}} {{{hostname}}}") == [
                .text("{hostname} {"), variable("hostname"), .text("}"),
            ])
    }

    @Test(arguments: [
        ("{hostnam}", "unknown variable {hostnam}, did you mean {hostname}?"),
        ("a {flie} b", "unknown variable {flie}, did you mean {file}?"),
        ("{feild.app}", "unknown variable {feild.app}, did you mean {field.app}?"),
        ("{field.}", "{field.} needs a name after the dot"),
        (
            "{x}",
            "unknown variable {x}; known here: {hostname}, {file_name}, {file}, {field.NAME}, {date}"
        ),
        ("{}", "unknown variable {}; known here: {hostname}, {file_name}, {file}, {field.NAME}, {date}"),
        ("{hostname", "a \"{\" has no \"}\"; the brace itself is written {{"),
        ("hostname}", "a \"}\" closes nothing; the brace itself is written }}"),
    ])
    func whatIsWrongIsSaid(text: String, reason: String) {
        #expect { try pieces(text) } throws: { ($0 as? TemplateError)?.reason(known: known) == reason }
    }
}
