#pragma once

#include <stdexcept>
#include <string>

namespace selfcure {

/// Base of everything that this library throws on purpose.
///
/// A message is one line: where, what was expected, what came. The command prints it as it is.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A mistake of the user's: a path, a file's content, an option. The command exits with code 2.
struct UserError : Error {
  using Error::Error;
};

/// A config file or an override is wrong: unknown or repeated key, wrong type, out of range.
struct ConfigError : UserError {
  using UserError::UserError;
};

/// A data set on disk is not what it should be: missing folder, wrong label, unreadable image.
struct DataError : UserError {
  using UserError::UserError;
};

/// A checkpoint or a weight file cannot be used: cut short, changed, of another model.
struct CheckpointError : UserError {
  using UserError::UserError;
};

/// A run directory cannot be made, written or resumed.
struct RunError : UserError {
  using UserError::UserError;
};

/// A tensor has another shape or type than a function's contract says. A caller's bug.
struct ShapeError : Error {
  using Error::Error;
};

}  // namespace selfcure
