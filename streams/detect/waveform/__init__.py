"""What is read from waveforms: beats, their quality, rhythm."""
