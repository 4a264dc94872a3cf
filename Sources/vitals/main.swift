internal import Platform

writeToStandardError(Array("vitals\n".utf8))
