// The outputs there are. A new one is a file in this directory and a line here; a test holds the two together.

internal import HTTP

/// In alphabetical order of their types.
package let allOutputs: [any Output.Type] = [
    CloudWatchLogsOutput.self,
    FileOutput.self,
    HTTPOutput<HTTPClient>.self,
    StdoutOutput.self,
    TCPOutput.self,
]
