import Files
import Foundation
import LogOutput

/// The terminal, or the pipes that stand in for it.
enum Console {
  /// Whether someone watches standard output.
  static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Columns of the terminal; 80 when it does not say.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes a result to standard output, with an end of line. On a terminal, control characters in it are shown and not obeyed.
  ///
  /// - Throws: ``CommandFailure``: when the reader has gone, silently; otherwise with the system's reason, e.g. a full disk.
  static func say(_ line: String) throws(CommandFailure) {
    try writeResult((isTerminal ? PrintableText.block(line) : line) + "\n")
  }

  /// Writes text to standard output as it is.
  ///
  /// - Throws: ``CommandFailure``, as ``say(_:)``.
  static func writeResult(_ text: String) throws(CommandFailure) {
    do throws(WriteFailure) { try WholeWrite.write(text.utf8, to: STDOUT_FILENO) } catch { throw failure(error.number) }
  }

  /// Writes a line to standard error; that nobody reads it changes nothing.
  static func complain(_ line: String) { draw(line + "\n", on: STDERR_FILENO) }

  /// Writes what is for the eye alone, such as a progress bar; that nobody sees it changes nothing.
  static func draw(_ text: String, on descriptor: Int32 = STDOUT_FILENO) {
    do throws(WriteFailure) { try WholeWrite.write(text.utf8, to: descriptor) } catch {}
  }

  /// Closes standard output, which is where some file systems report that what was written did not arrive.
  ///
  /// - Throws: ``CommandFailure`` with the system's reason.
  static func close() throws(CommandFailure) {
    guard Foundation.close(STDOUT_FILENO) != 0, errno != EBADF else { return }
    throw failure(errno)
  }

  private static func failure(_ number: Int32) -> CommandFailure {
    guard number != EPIPE else { return .readerHasGone }
    return CommandFailure(.unwritable, "standard output cannot be written: \(SystemReason.text(number))")
  }
}
