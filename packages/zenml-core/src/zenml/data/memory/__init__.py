"""Tables in memory: frames of any library through the Arrow C stream, known in this process by their content digest."""
