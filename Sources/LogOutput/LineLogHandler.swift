public import Logging

/// Writes a line an event to a ``LogQueue``, in one format for all.
public struct LineLogHandler: LogHandler {
  /// Events below it are not logged.
  public var logLevel: Logger.Level = .info
  /// Written with every event.
  public var metadata: Logger.Metadata = [:]
  /// More metadata for each event.
  public var metadataProvider: Logger.MetadataProvider?

  private let label: String
  private let queue: LogQueue

  /// Creates a handler; several may share a queue.
  public init(label: String, queue: LogQueue) {
    self.label = label
    self.queue = queue
  }

  /// One value of ``metadata``.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Takes an event, or drops it when too many wait; never waits.
  public func log(event: LogEvent) {
    var values = metadata
    values.merge(metadataProvider?.get() ?? [:]) { _, new in new }
    values.merge(event.metadata ?? [:]) { _, new in new }
    if let error = event.error { values["error"] = "\(error)" }
    let sorted = values.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    let message = event.message.description
    queue.append(LogLine.text(event.level, label, message, sorted), kind: message)
  }
}
