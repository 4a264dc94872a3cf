// What is wrong in the settings, said so that an editor can jump to it.

package import Bytes

/// `file:line:column: what`. The caller prints it and stops.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
    package let file: String
    package let position: TextPosition
    /// Where it stands in the tree: `inputs.syslog.paths`; empty for the text itself.
    package let path: String
    package let reason: String

    package init(file: String, position: TextPosition, path: String, reason: String) {
        self.file = file
        self.position = position
        self.path = path
        self.reason = reason
    }

    /// The same at the same place of the text, of something that is not there.
    func moved(to path: String) -> SettingsError {
        SettingsError(file: file, position: position, path: path, reason: reason)
    }

    package var description: String {
        // Without any file, a default is wrong.
        let place = file.isEmpty ? "" : "\(file):\(position.line):\(position.column): "
        return path.isEmpty ? place + reason : place + path + ": " + reason
    }
}
