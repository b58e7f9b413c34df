mod lost;
mod references;
