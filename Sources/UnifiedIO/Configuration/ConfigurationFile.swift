import Files
import Foundation

/// A `config.json`, whatever it configures.
enum ConfigurationFile {
  /// The file's bytes.
  ///
  /// - Throws: ``ModelError`` `.unreadableFile`.
  static func data(at url: URL) throws(ModelError) -> Data {
    do throws(FileError) { return Data(try InputFile.bytes(of: url.path)) } catch { throw ModelError(error) }
  }

  /// The numbers in its text; errors name `subject`.
  ///
  /// - Throws: ``ModelError`` `.invalidConfiguration` with the key at fault.
  static func decode<Value: Decodable>(_ json: Data, subject: String) throws(ModelError) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: json)
    } catch let error as DecodingError {
      throw ModelError(.invalidConfiguration, subject, explain(error))
    } catch {
      throw ModelError(.invalidConfiguration, subject, "is not JSON: \(error)")
    }
  }

  private static func explain(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "\(path(context)): the key \(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      return "\(path(context)): \(context.debugDescription)"
    @unknown default:
      return "\(error)"
    }
  }
}
