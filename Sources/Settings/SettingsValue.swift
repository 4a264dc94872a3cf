// The settings as a tree in which every value knows its file, after merging and with variables replaced.

package import Bytes

package struct SettingsValue: Sendable {
    package enum Content: Sendable {
        case null
        case bool(Bool)
        case number(String)
        case string(String)
        case array([SettingsValue])
        case object([Member])
    }

    package struct Member: Sendable {
        package var key: String
        package var keyPosition: TextPosition
        /// The file in which the key stands; a merged object has members of several.
        package var file: String
        package var value: SettingsValue

        package init(key: String, keyPosition: TextPosition, file: String, value: SettingsValue) {
            self.key = key
            self.keyPosition = keyPosition
            self.file = file
            self.value = value
        }
    }

    package var content: Content
    package var file: String
    package var position: TextPosition
    /// Of a text that variables are in.
    package var expanded: ExpandedText?

    package init(_ content: Content, file: String, position: TextPosition) {
        self.content = content
        self.file = file
        self.position = position
    }

    /// What variables have brought is not in it, whatever `reason` quotes.
    package func error(_ path: String, _ reason: String) -> SettingsError {
        SettingsError(file: file, position: position, path: path, reason: withholding(brought, in: reason))
    }

    /// What variables have brought, here and in all that is below.
    var brought: [BroughtText] {
        switch content {
        case .null, .bool, .number: []
        case .string: expanded?.brought ?? []
        case .array(let elements): elements.flatMap(\.brought)
        case .object(let members): members.flatMap(\.value.brought)
        }
    }
}
